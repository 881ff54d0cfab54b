// npm run demo: two example actions on this computer, straight after a clone. Arguments go on to `slipway demo`.
import { prepare, run } from './prepare.mjs'

prepare()
process.exitCode = run(process.execPath, ['dist/slipway.js', 'demo', ...process.argv.slice(2)])
