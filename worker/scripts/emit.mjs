// Emits the tests' JavaScript into build/. The folder is emptied first, so that a test whose source
// was removed or renamed does not go on running.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
rmSync(join(root, 'build'), { recursive: true, force: true })
const tsc = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
)
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.emit.json')], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
