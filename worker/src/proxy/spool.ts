// Keeps what one reader of a body has taken until the other one has taken it too: a little in
// memory, the rest in a file that has no name.

import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Bytes of one body that stay in memory; what follows goes to the file. */
export const SPOOL_MEMORY_MAX = 4 * 1024 * 1024

/** Where a chunk is in the file. */
interface Place {
  readonly at: number
  readonly length: number
}

let files = 0

/** Chunks by a number that grows by one for each. */
export class Spool {
  #chunks: (Buffer | Place)[] = []
  /** The number of the first chunk that is still there. */
  #first = 0
  #inMemory = 0
  #file: number | null = null
  #fileEnd = 0

  /** The number that the next chunk will get. */
  get end(): number {
    return this.#first + this.#chunks.length
  }

  /** Takes over a chunk. Throws when the file cannot be written. */
  append(chunk: Buffer): void {
    if (this.#inMemory + chunk.length <= SPOOL_MEMORY_MAX) {
      this.#inMemory += chunk.length
      this.#chunks.push(chunk)
      return
    }
    const file = (this.#file ??= openNameless())
    const at = this.#fileEnd
    let written = 0
    while (written < chunk.length)
      written += writeSync(file, chunk, written, chunk.length - written, at + written)
    this.#fileEnd = at + chunk.length
    this.#chunks.push({ at, length: chunk.length })
  }

  /** A chunk that is still there. Its bytes may be shared with another reader. */
  get(number: number): Buffer {
    const chunk = this.#chunks[number - this.#first]!
    if (Buffer.isBuffer(chunk)) return chunk
    const bytes = Buffer.allocUnsafeSlow(chunk.length)
    let read = 0
    while (read < bytes.length) {
      const count = readSync(this.#file!, bytes, read, bytes.length - read, chunk.at + read)
      if (count === 0) throw new Error('the temporary file of a request body has been cut off')
      read += count
    }
    return bytes
  }

  /** Forgets the chunks before a number. */
  dropBefore(number: number): void {
    const count = number - this.#first
    if (count <= 0) return
    for (const chunk of this.#chunks.splice(0, count))
      if (Buffer.isBuffer(chunk)) this.#inMemory -= chunk.length
    this.#first = number
    // Nothing is in the file any more: it begins anew instead of growing with the body.
    if (this.#chunks.every((chunk) => Buffer.isBuffer(chunk))) this.#fileEnd = 0
  }

  /** Forgets everything. */
  close(): void {
    this.dropBefore(this.end)
    if (this.#file !== null) closeSync(this.#file)
    this.#file = null
  }
}

/** A file that only this process can reach and that is gone once it is closed. */
function openNameless(): number {
  const path = join(tmpdir(), `byway-${process.pid}-${(files += 1)}-${Date.now().toString(36)}`)
  const file = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  return file
}
