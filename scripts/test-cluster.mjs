// npm run test:cluster: the suite on a real cluster. Uses SLIPWAY_TEST_KUBECONFIG or KUBECONFIG when one is set, and
// brings up the cluster of test/cluster/one-node otherwise, with two nodes. Arguments go on to vitest:
// `npm run bench` is the same with the benchmarks, for a quiet machine.
// With `--up` nothing is tested, and with `--as-it-is` nothing is brought up: between the two, suites may run side by side.
import { mustRun, prepare, root, run, VITEST } from './prepare.mjs'

const oneNode = `${root}test/cluster/one-node`
const kubeconfig = process.env.SLIPWAY_TEST_KUBECONFIG || process.env.KUBECONFIG
const OWN = ['--up', '--as-it-is']
const [isUpOnly, isUp] = OWN.map((name) => process.argv.includes(name))
const args = process.argv.slice(2).filter((arg) => !OWN.includes(arg))

function bringUp() {
  prepare()
  if (kubeconfig) return console.log(`Testing on the cluster of ${kubeconfig}`)
  // A machine that was switched off while its cluster ran may have left data that no cluster starts with; what was built is kept.
  if (run('bash', [`${oneNode}/up`, '--nodes', '2']) === 0) return
  console.log('The cluster did not come up: it is made anew')
  run('bash', [`${oneNode}/down`, '--wipe'])
  mustRun('bash', [`${oneNode}/up`, '--nodes', '2'])
}

function test() {
  const projects = args.some((arg) => arg.startsWith('--project')) ? [] : ['--project', 'cluster*']
  const vitest = [process.execPath, VITEST, 'run', ...projects, ...args]
  if (kubeconfig) return run(vitest[0], vitest.slice(1), { KUBECONFIG: kubeconfig })
  return run('bash', [`${oneNode}/in`, ...vitest])
}

if (!isUp) bringUp()
if (!isUpOnly) process.exitCode = test()
