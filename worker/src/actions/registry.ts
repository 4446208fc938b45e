// The project's actions: the build lists the modules with 'use server' and their exports, requests name
// the exports by ids.

import { describeError, log } from '../log.ts'
import type { Handler } from '../routes.ts'
import { settings } from '../settings.ts'
import { answerCall } from './call.ts'
import { answerForm } from './form.ts'
import { nameInForms } from './form-fields.ts'
import type { AnyFunction } from './reply.ts'

/** One module, as the build lists it. */
export interface ActionModule {
  file: string
  load: () => Promise<Record<string, unknown>>
  /** Exported names with all their ids; the first is the one that clients are told. */
  exports: [name: string, ...ids: string[]][]
}

/** What the build knows besides. */
export interface ActionOptions {
  basePath: string
}

/** The ids of functions that clients may call, of all builds. */
const ids = new WeakMap<object, string>()

/** What clients call a function of the project; null for one that they cannot call. */
export function idOf(value: object): string | null {
  return ids.get(value) ?? null
}

/** An id that no export has: of another build, or of nothing. */
export class UnknownAction extends Error {
  constructor(id: string) {
    super(`Failed to find Server Action "${id}". This request might be from an older or newer deployment.`)
  }
}

interface Entry {
  module: LoadingModule
  name: string
}

class LoadingModule {
  readonly file: string
  readonly #source: ActionModule
  #loading: Promise<Record<string, unknown>> | null = null

  constructor(source: ActionModule) {
    this.file = source.file
    this.#source = source
  }

  /** There is no second attempt, as for routes. */
  load(): Promise<Record<string, unknown>> {
    return (this.#loading ??= this.#evaluate().catch((error: unknown) => this.#failed(error)))
  }

  #failed(error: unknown): never {
    if (!settings.development)
      log('error', 0, `the actions in ${this.file} cannot be loaded: ${describeError(error)}`)
    throw error
  }

  async #evaluate(): Promise<Record<string, unknown>> {
    const namespace = await this.#source.load()
    for (const [name] of this.#source.exports) {
      const found = typeof namespace[name]
      if (found === 'function') continue
      throw new Error(
        `A "use server" file can only export async functions, found ${found} as "${name}" in ` +
          `${this.file}.\nRead more: https://nextjs.org/docs/messages/invalid-use-server-value`,
      )
    }
    for (const [name, id] of this.#source.exports) {
      const action = namespace[name] as AnyFunction
      ids.set(action, id!)
      nameInForms(action, id!)
    }
    return namespace
  }
}

/** All of them. */
export class Actions {
  readonly options: ActionOptions
  readonly #modules: LoadingModule[] = []
  /** In the order in which the manifest lists them. */
  readonly #entries: Entry[] = []
  readonly #byId = new Map<string, Entry>()

  constructor(sources: ActionModule[], options: ActionOptions) {
    this.options = options
    for (const source of sources) {
      const module = new LoadingModule(source)
      this.#modules.push(module)
      for (const [name, ...known] of source.exports) {
        const entry = { module, name }
        this.#entries.push(entry)
        for (const id of known) this.#byId.set(id, entry)
      }
    }
  }

  /**
   * What answers a call of the action with this number; the number behind the last one is for forms, whose
   * bodies name their action. Rejects when the action's module cannot be loaded.
   */
  async handler(number: number): Promise<Handler> {
    const entry = this.#entries[number]
    if (entry === undefined) return (request) => answerForm(request, this)
    const action = await this.#function(entry)
    return (request) => answerCall(request, action, this)
  }

  /** The function with this id. */
  readonly find = async (id: string): Promise<AnyFunction> => {
    const entry = this.#byId.get(id)
    if (entry === undefined) throw new UnknownAction(id)
    return this.#function(entry)
  }

  async #function({ module, name }: Entry): Promise<AnyFunction> {
    return (await module.load())[name] as AnyFunction
  }

  /** Evaluates all modules, well or not: a result may be a function of any of them. */
  async loadAll(): Promise<void> {
    await Promise.allSettled(this.#modules.map((module) => module.load()))
  }
}

/** Generated code calls this. */
export function actionsOf(sources: ActionModule[], options: ActionOptions): Actions {
  return new Actions(sources, options)
}
