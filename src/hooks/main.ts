/** The hook's entry point, started by the runner as `node index.js` with one JSON document on stdin. */
import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { randomHex, systemClock } from '../effects/system.ts'
import { runHook } from './hook.ts'
import { live } from './lifeline.ts'
import { environment } from './settings/config.ts'
import { startDetached } from './start-ahead.ts'

const backends = {
  steps: () => import('../effects/kubernetes/container-step/backend.ts'),
  ahead: () => import('../effects/kubernetes/container-step/ahead.ts'),
  jobs: () => import('../effects/kubernetes/job/host.ts'),
  scripts: () => import('../effects/kubernetes/script/backend.ts'),
  cleanup: () => import('../effects/kubernetes/cleanup/job.ts')
}

const startAhead = () => startDetached(process, { spawn, setPriority })

live(process, (life) =>
  runHook({ ...life, stdin: process.stdin, environment, backends, startAhead, clock: systemClock, randomHex })
)
