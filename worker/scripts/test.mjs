// Runs the emitted tests. The files are named one by one, because what `node --test` makes of a
// folder or a pattern differs between Node 20 and later ones.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const build = join(dirname(fileURLToPath(import.meta.url)), '..', 'build')
const tests = readdirSync(build, { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .sort()
if (tests.length === 0) throw new Error('no test was emitted')
const args = [
  '--enable-source-maps',
  '--test',
  '--test-reporter=spec',
  ...process.argv.slice(2),
  ...tests.map((name) => join(build, name)),
]
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
process.exit(status ?? 1)
