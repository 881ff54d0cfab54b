/** The hook's entry point, started by the runner as `node index.js` with one JSON document on stdin. */
import { randomHex, systemClock } from '../effects/system.ts'
import { environment } from './config.ts'
import { runHook } from './hook.ts'
import { live } from './lifeline.ts'

const families = {
  steps: () => import('../effects/kubernetes/family.ts'),
  jobs: () => import('../effects/kubernetes/job-host.ts'),
  scripts: () => import('../effects/kubernetes/script-family.ts'),
  cleanup: () => import('../effects/kubernetes/clean-up-job.ts')
}

live(process, (life) =>
  runHook({ ...life, stdin: process.stdin, environment, families, clock: systemClock, randomHex })
)
