// What a developer is told of a failure: a report that goes to the server in the place of the answer,
// which makes a page or JSON of it. In production there is none.

import { fileURLToPath } from 'node:url'
import { type Exchange, HEAD } from './exchange.ts'
import { settings } from './settings.ts'
import { FLAG_END, FLAG_FAILURE, FRAME_HEADER_BYTES, HEAD_BODY_MAX, RESPONSE } from './wire-constants.ts'
import type { FrameWriter } from './wire.ts'

/** What failed. */
export type FailureKind = 'handler' | 'load' | 'proxy'

/** Bounds of a report. */
const FRAMES_MAX = 50
const CAUSES_MAX = 5
const TEXT_CHARS_MAX = 4000
const PLACE_CHARS_MAX = 300

interface Frame {
  name: string
  file: string
  line: number
  column: number
}

interface Failure {
  name: string
  message: string
  code?: string
  frames: Frame[]
}

/** Whether a failure of this request goes to its client, so that nothing has to go into the log. */
export function isReported(exchange: Exchange): boolean {
  return settings.development && exchange.cancelled === null && exchange.method !== HEAD
}

/**
 * Answers a request with the report of `error`. False where nobody is to be told, in production; then
 * nothing was sent.
 */
export function sendFailure(
  exchange: Exchange,
  writer: FrameWriter,
  kind: FailureKind,
  file: string,
  error: unknown,
): boolean {
  if (!isReported(exchange)) return false
  const report = reportOf(kind, file, chain(error))
  writer.reserve(FRAME_HEADER_BYTES + 6 + report.length)
  const frame = writer.beginFrame(RESPONSE, FLAG_END | FLAG_FAILURE, exchange.id)
  const { slab } = writer
  const head = Buffer.alloc(6)
  head.writeUInt16LE(500)
  slab.set(head, writer.position)
  slab.set(report, writer.position + head.length)
  writer.position += head.length + report.length
  writer.endFrame(frame)
  return true
}

/** The report as JSON, which one frame can carry: of what is too long, the causes go first. */
function reportOf(kind: FailureKind, file: string, errors: Failure[]): Buffer {
  for (;;) {
    const report = Buffer.from(JSON.stringify({ kind, file, errors }))
    if (report.length <= HEAD_BODY_MAX || errors.length === 0) return report
    errors.pop()
  }
}

/** The error and its causes, outermost first. */
function chain(error: unknown): Failure[] {
  const found: Failure[] = []
  const seen = new Set<unknown>()
  let next: unknown = error
  while (found.length < CAUSES_MAX && !seen.has(next)) {
    seen.add(next)
    found.push(describe(next))
    if (!(next instanceof Error) || next.cause === undefined || next.cause === null) break
    next = next.cause
  }
  return found
}

function describe(error: unknown): Failure {
  if (!(error instanceof Error)) {
    return { name: 'thrown value', message: shorten(textOf(error)), frames: [] }
  }
  try {
    const { code } = error as { code?: unknown }
    const failure: Failure = {
      name: shorten(String(error.name)),
      message: shorten(String(error.message)),
      frames: framesOf(String(error.stack ?? '')),
    }
    if (typeof code === 'string') failure.code = shorten(code)
    return failure
  } catch {
    return { name: 'Error', message: 'an error that cannot be described', frames: [] }
  }
}

function textOf(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/**
 * A line of V8's stack traces, mapped to its source by Node: `at name (file:line:column)`, or without a
 * name. Folders may have parentheses in their names, as route groups have.
 */
const STACK_LINE =
  /^\s*at (?:(?<name>.*?) \((?<file>.+):(?<row>\d+):(?<column>\d+)\)|(?:async )?(?<bare>\S.*):(?<bareRow>\d+):(?<bareColumn>\d+))$/

/** The frames in the text of a stack. */
export function framesOf(stack: string): Frame[] {
  const frames: Frame[] = []
  for (const line of stack.split('\n')) {
    const found = STACK_LINE.exec(line)?.groups
    if (found === undefined) continue
    const file = found['file'] ?? found['bare'] ?? ''
    // Text that was evaluated has no file.
    if (file.startsWith('eval at ')) continue
    frames.push({
      name: shorten(found['name'] ?? '', PLACE_CHARS_MAX),
      file: shorten(pathOf(file), PLACE_CHARS_MAX),
      line: Number(found['row'] ?? found['bareRow']),
      column: Number(found['column'] ?? found['bareColumn']),
    })
    if (frames.length === FRAMES_MAX) break
  }
  return frames
}

/** A file's path, which may be written as a URL. */
function pathOf(file: string): string {
  if (!file.startsWith('file://')) return file
  try {
    return fileURLToPath(file)
  } catch {
    return file
  }
}

function shorten(text: string, charsMax = TEXT_CHARS_MAX): string {
  return text.length > charsMax ? `${text.slice(0, charsMax)}…` : text
}
