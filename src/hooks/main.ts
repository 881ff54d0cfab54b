/** The hook's entry point, started by the runner as `node index.js` with one JSON document on stdin. */
import { randomHex, systemClock } from '../effects/system.ts'
import { runHook } from './hook.ts'
import { live } from './lifeline.ts'
import { environment } from './settings/config.ts'

const backends = {
  steps: () => import('../effects/kubernetes/container-step/backend.ts'),
  ahead: () => import('../effects/kubernetes/container-step/ahead.ts'),
  jobs: () => import('../effects/kubernetes/job/host.ts'),
  scripts: () => import('../effects/kubernetes/script/backend.ts'),
  cleanup: () => import('../effects/kubernetes/cleanup/job.ts')
}

// Few jobs need it, and every command would wait for what it loads.
const startAhead = async () => {
  const [{ startDetached }, { spawn }, { setPriority }] = await Promise.all([
    import('./start-ahead.ts'),
    import('node:child_process'),
    import('node:os')
  ])
  await startDetached(process, { spawn, setPriority })
}

live(process, (life) =>
  runHook({ ...life, stdin: process.stdin, environment, backends, startAhead, clock: systemClock, randomHex })
)
