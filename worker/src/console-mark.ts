// Marks what the program prints with the request that prints it, as far as that is known: while its
// handler runs for the first time, and everywhere where requests have a context. The server takes the
// marks off again; without a server nothing is marked.

import { contextNeeded, contexts } from './context.ts'

const MARK = '\x1f'

/** The request whose handler is being called just now; 0 for none. */
let entered = 0

/** Says which request's handler is being called. */
export function enterRequest(stream: number): void {
  entered = stream
}

type Write = (chunk: unknown, encoding?: unknown, callback?: unknown) => boolean

/** Marks stdout and stderr from now on. */
export function markConsole(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as Write
    let lineBegins = true
    const marked: Write = (chunk, encoding, callback) => {
      if (typeof chunk !== 'string' || chunk === '') return write(chunk, encoding, callback)
      const request = currentRequest()
      const text = request === 0 ? chunk : markLines(chunk, `${MARK}${request}${MARK}`, lineBegins)
      lineBegins = chunk.endsWith('\n')
      return write(text, encoding, callback)
    }
    stream.write = marked as typeof stream.write
  }
}

function currentRequest(): number {
  if (contextNeeded()) {
    const context = contexts.getStore()
    if (context !== undefined) return context.exchange.id
  }
  return entered
}

/** Puts a mark before each line that begins in `text`. */
export function markLines(text: string, mark: string, lineBegins: boolean): string {
  const marked = text.replace(/\n(?!$)/g, `\n${mark}`)
  return lineBegins ? mark + marked : marked
}
