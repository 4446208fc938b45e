// Evaluates next.config: `node next-config.mjs <compiled config> [dev]`. What it says goes, as one line
// of JSON, to file descriptor 3, so that the file may print what it likes.

import { writeSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { isObject, settingsOf } from './config-module.ts'
import { DEFAULTS } from './config-defaults.ts'
import { PHASE_DEVELOPMENT_SERVER, PHASE_PRODUCTION_BUILD } from './next/constants.ts'

const RESULT_FD = 3

type Settings = Record<string, unknown>

/** The settings that are functions whose results are rules. */
const RULES = ['headers', 'redirects', 'rewrites'] as const

async function load(path: string, phase: string): Promise<Settings> {
  const module = (await import(pathToFileURL(path).href)) as Settings
  const value = await settingsOf(module, phase, structuredClone(DEFAULTS))
  if (!isObject(value)) {
    throw new Error(
      `the configuration must be an object or a function that returns one, not ${describe(value)}`,
    )
  }
  return value
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'object' ? 'an object' : `${typeof value}`
}

/** A value as JSON; what JSON cannot hold is left out, and so is a setting with nothing else. */
function plain(value: unknown): unknown {
  if (typeof value === 'function') return { function: true }
  try {
    const text = JSON.stringify(value, (_, inner: unknown) => {
      if (inner instanceof RegExp) return { regexp: inner.source }
      return typeof inner === 'bigint' ? Number(inner) : inner
    })
    return text === undefined ? undefined : (JSON.parse(text) as unknown)
  } catch {
    // A plugin's object with cycles; no setting that is read here is one.
    return {}
  }
}

async function evaluate(path: string, phase: string): Promise<Settings> {
  const before = { ...process.env }
  const config = await load(path, phase)
  const rules: Settings = {}
  for (const name of RULES) {
    const make = config[name]
    if (typeof make !== 'function') continue
    try {
      rules[name] = plain(await (make as () => unknown).call(config)) ?? null
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`${name}() has failed: ${reason}`, { cause: error })
    }
  }
  const settings: Settings = {}
  for (const [name, value] of Object.entries(config)) {
    const isRules = (RULES as readonly string[]).includes(name)
    if (value === undefined || (isRules && typeof value === 'function')) continue
    settings[name] = plain(value)
  }
  const names = new Set([...Object.keys(before), ...Object.keys(process.env)])
  const setsEnvironment = [...names].some((name) => before[name] !== process.env[name])
  return { settings, rules, setsEnvironment }
}

/** The stack that says where: of the innermost cause. */
function innermost(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? innermost(error.cause) : error
}

function report(result: Settings): void {
  const line = Buffer.from(`${JSON.stringify(result)}\n`)
  for (let written = 0; written < line.length; ) {
    written += writeSync(RESULT_FD, line, written)
  }
}

try {
  const phase = process.argv[3] === 'dev' ? PHASE_DEVELOPMENT_SERVER : PHASE_PRODUCTION_BUILD
  report(await evaluate(process.argv[2] ?? '', phase))
} catch (error) {
  const cause = innermost(error)
  report({
    error: error instanceof Error ? error.message : String(error),
    stack: cause instanceof Error ? (cause.stack ?? '') : '',
  })
}
// Timers and connections that the file has left behind do not matter any more.
process.exit(0)
