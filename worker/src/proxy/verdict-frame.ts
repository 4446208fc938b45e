// Writes a VERDICT frame.

import type { LightHeaders } from '../headers.ts'
import { FRAME_HEADER_BYTES, FRAME_PAYLOAD_MAX, HEADERS_MAX, VERDICT } from '../wire-constants.ts'
import { type FrameWriter, writeLatin1 } from '../wire.ts'

const STR16_MAX = 0xffff

type Lines = [name: string, value: string][]

/** Sends a verdict. Throws, with nothing sent, when it is too long. */
export function sendVerdict(
  writer: FrameWriter,
  stream: number,
  action: number,
  target: string,
  requestHeaders: LightHeaders | null,
  responseHeaders: LightHeaders | null,
): void {
  const request = requestHeaders === null ? null : linesOf(requestHeaders)
  const response = responseHeaders === null ? [] : linesOf(responseHeaders)
  if (target.length > STR16_MAX) throw new RangeError('The URL of a rewrite is too long')
  const bytes = 6 + target.length + bytesOf(response) + (request === null ? 0 : bytesOf(request))
  if (bytes > FRAME_PAYLOAD_MAX) throw new RangeError("A proxy's headers are too long to be sent")
  writer.reserve(FRAME_HEADER_BYTES + bytes)
  const frame = writer.beginFrame(VERDICT, 0, stream)
  const { slab } = writer
  let at = slab.writeUInt8(action, writer.position)
  at = slab.writeUInt16LE(target.length, at)
  at = writeLatin1(slab, at, target)
  at = slab.writeUInt8(request === null ? 0 : 1, at)
  if (request !== null) at = writeLines(slab, at, request)
  writer.position = writeLines(slab, at, response)
  writer.endFrame(frame)
}

function linesOf(headers: LightHeaders): Lines {
  const lines: Lines = [...headers.lines()]
  for (const cookie of headers.cookieLines()) lines.push(['set-cookie', cookie])
  if (lines.length > HEADERS_MAX)
    throw new RangeError(`${lines.length} header lines of a proxy cannot be sent`)
  return lines
}

function bytesOf(lines: Lines): number {
  let bytes = 2
  for (const [name, value] of lines) {
    if (name.length > STR16_MAX) throw new RangeError('The name of a header is too long to be sent')
    bytes += 6 + name.length + value.length
  }
  return bytes
}

function writeLines(slab: Buffer, at: number, lines: Lines): number {
  at = slab.writeUInt16LE(lines.length, at)
  for (const [name, value] of lines) {
    at = slab.writeUInt16LE(name.length, at)
    at = writeLatin1(slab, at, name)
    at = slab.writeUInt32LE(value.length, at)
    at = writeLatin1(slab, at, value)
  }
  return at
}
