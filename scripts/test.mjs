// npm test: every suite that needs no cluster. Arguments go on to vitest: `npm test -- --project model`.
import { prepare, run, VITEST } from './prepare.mjs'

const args = process.argv.slice(2)
const isChosen = args.some((arg) => arg.startsWith('--project'))
const projects = isChosen ? [] : ['unit', 'model', 'sim', 'contract'].flatMap((name) => ['--project', name])

prepare()
process.exitCode = run(process.execPath, [VITEST, 'run', ...projects, ...args])
