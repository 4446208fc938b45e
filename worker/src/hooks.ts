// Lets installed packages import `next/*`: they get the very modules that the project's own code
// uses.

import { createRequire, register } from 'node:module'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

type Namespace = Record<string, unknown>

/** Adds the ways in which packages spell a module of Next. */
function spellings(specifier: string): string[] {
  return specifier.startsWith('next/') ? [specifier, `${specifier}.js`] : [specifier]
}

/** Installs the hooks. Has to happen before any of the project's modules is evaluated. */
export async function installHooks(
  directory: string,
  nextModules: Record<string, string>,
): Promise<void> {
  const urls: Record<string, string> = {}
  const modules = new Map<string, Namespace>()
  for (const [specifier, chunk] of Object.entries(nextModules)) {
    const url = pathToFileURL(join(directory, chunk)).href
    // `require` cannot wait, so the modules are loaded now.
    const namespace = asCommonJs((await import(url)) as Namespace)
    for (const spelling of spellings(specifier)) {
      urls[spelling] = url
      modules.set(spelling, namespace)
    }
  }
  hookRequire(modules)
  hookImport(urls)
}

/** What `require` gives: the named exports, and itself as the default one. */
function asCommonJs(namespace: Namespace): Namespace {
  const exports: Namespace = {}
  for (const name of Object.keys(namespace)) {
    // Live, as a module's exports are.
    if (name !== 'default')
      Object.defineProperty(exports, name, {
        get: () => namespace[name],
        enumerable: true,
        configurable: true,
      })
  }
  Object.defineProperty(exports, '__esModule', { value: true })
  if (!('default' in namespace))
    Object.defineProperty(exports, 'default', { value: exports, configurable: true })
  else exports['default'] = namespace['default']
  return exports
}

/** The parts of Node's CommonJS loader that such hooks have always relied on. */
interface Loader {
  _load: (request: string, parent: unknown, isMain: boolean) => unknown
  _resolveFilename: (request: string, ...rest: unknown[]) => string
}

/** Answers `require`. Whoever has patched these functions before, or will, is called as before. */
function hookRequire(modules: ReadonlyMap<string, Namespace>): void {
  const loader = createRequire(import.meta.url)('node:module') as Loader
  const { _load, _resolveFilename } = loader
  loader._load = function (this: unknown, request, parent, isMain) {
    return modules.get(request) ?? _load.call(this, request, parent, isMain)
  }
  loader._resolveFilename = function (this: unknown, request, ...rest) {
    return modules.has(request) ? request : _resolveFilename.call(this, request, ...rest)
  }
}

/** Answers `import`, also from code that runs much later. */
function hookImport(urls: Record<string, string>): void {
  const registerHooks = (nodeModule as { registerHooks?: (hooks: object) => void }).registerHooks
  if (typeof registerHooks === 'function') {
    registerHooks({
      resolve(
        specifier: string,
        context: { conditions?: string[] },
        next: (specifier: string, context: object) => unknown,
      ) {
        const url = urls[specifier]
        // `require` has its own answer, which does not depend on the version of Node.
        if (url === undefined || context.conditions?.includes('require') === true)
          return next(specifier, context)
        return { url, format: 'module', shortCircuit: true }
      },
    })
    return
  }
  // On older versions the hook runs in a thread of its own and is given as a module's text.
  const source = `
    let urls = {}
    export function initialize(data) { urls = data }
    export function resolve(specifier, context, next) {
      const url = urls[specifier]
      if (url === undefined) return next(specifier, context)
      return { url, format: 'module', shortCircuit: true }
    }`
  register(`data:text/javascript,${encodeURIComponent(source)}`, { data: urls })
}
