// An answer to a fetch as bytes for the data cache: a head in JSON behind its length, then the body.

import { PlatformResponse } from './platform.ts'

/** An answer without its body. */
export interface Head {
  status: number
  url: string
  headers: [string, string][]
}

const LENGTH_BYTES = 4

/** The bytes of an answer. */
export function encodeResponse(response: Response, body: Uint8Array): Buffer {
  const { status, url, headers } = response
  return encodeParts({ status, url, headers: [...headers] }, body)
}

/** The bytes of an answer that is in parts. */
export function encodeParts(head: Head, body: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32LE(json.length)
  return Buffer.concat([length, json, body])
}

/** The answer; null when the bytes are none. */
export function decodeResponse(bytes: Buffer): Response | null {
  if (bytes.length < LENGTH_BYTES) return null
  const end = LENGTH_BYTES + bytes.readUInt32LE(0)
  if (end > bytes.length) return null
  let head: Head
  try {
    head = JSON.parse(bytes.utf8Slice(LENGTH_BYTES, end)) as Head
    // A copy: the frame's slab must not live as long as a program keeps the body.
    const response = new PlatformResponse(new Uint8Array(bytes.subarray(end)), head)
    Object.defineProperty(response, 'url', { value: head.url })
    return response
  } catch {
    return null
  }
}

/** The whole body; null, and the rest unread, when it is longer than `max`. */
export async function readAtMost(response: Response, max: number): Promise<Buffer | null> {
  if (response.body === null) return Buffer.alloc(0)
  const parts: Uint8Array[] = []
  let bytes = 0
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(parts)
    bytes += value.length
    if (bytes > max) {
      reader.cancel().catch(() => undefined)
      return null
    }
    parts.push(value)
  }
}
