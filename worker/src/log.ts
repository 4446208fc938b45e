// What the worker itself has to say. It goes to the server as LOG frames; the program's own
// `console` is left alone. Until the connection stands, lines go to stderr.

import { inspect } from 'node:util'

/** Levels, by their numbers in the protocol. */
export const LEVEL = { error: 1, warn: 2, info: 3, debug: 4 } as const

/** The most bytes of one line; an error may carry a whole response in its properties. */
export const LOG_BYTES_MAX = 8 * 1024

/** Takes a line: its level, the stream that it is about or 0, its text. */
export type LogSink = (level: number, stream: number, text: string) => void

let sink: LogSink = (_level, _stream, text) => process.stderr.write(`${text}\n`)

/** Says where lines go from now on. */
export function setLogSink(to: LogSink): void {
  sink = to
}

/** Logs a line about a request, or about the worker when `stream` is 0. */
export function log(level: keyof typeof LEVEL, stream: number, text: string): void {
  sink(LEVEL[level], stream, shorten(text))
}

/** Describes anything that was thrown: an error's message, stack, causes and own properties. */
export function describeError(error: unknown): string {
  try {
    return error instanceof Error
      ? inspect(error, { depth: 3, maxArrayLength: 20, maxStringLength: 2000 })
      : `thrown value: ${inspect(error, { depth: 2, maxStringLength: 2000 })}`
  } catch {
    return 'an error that cannot be described'
  }
}

function shorten(text: string): string {
  if (text.length * 3 <= LOG_BYTES_MAX) return text
  const bytes = Buffer.from(text)
  if (bytes.length <= LOG_BYTES_MAX) return text
  // Half a character at the cut becomes a replacement character, which takes three bytes.
  return `${bytes.subarray(0, LOG_BYTES_MAX - 6).toString()}…`
}
