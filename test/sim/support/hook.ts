/** One process of the hook, as far as there can be one inside a test: what the runner starts, writes to, signals and kills. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createReporter } from '../../../src/effects/log/reporter.ts'
import { runHook } from '../../../src/hooks/hook.ts'
import type { Clock } from '../../../src/machines/ports.ts'
import type { Door } from './api-server.ts'
import { kubeconfig } from './lay-out.ts'
import './load.ts'
import { mortal } from './mortal.ts'

/** What a process of the hook led to. */
export interface HookEnd {
  /** Undefined: it was killed. */
  readonly exitCode: number | undefined
  /** Everything it wrote. */
  readonly log: string
  /** What of it is the script's or the action's own. */
  readonly shown: string
  readonly tookMs: number
}

export interface HookProcess {
  readonly ended: Promise<HookEnd>
  cancel(): void
  kill(): void
}

export interface HookStart {
  readonly clock: Clock
  readonly door: Door
  readonly input: object
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
}

/** As the hook's own lifeline has it. */
const FORCED_EXIT_MS = 7_000

/** Each process has a variable of its own, which the Kubernetes client reads from the one environment that there is. */
const own = new AsyncLocalStorage<string>()
const shared = process.env
process.env = new Proxy(shared, {
  get: (target, name) => (name === 'KUBECONFIG' && own.getStore()) || target[name as string]
})

const backends = {
  steps: () => import('../../../src/effects/kubernetes/container-step/backend.ts'),
  ahead: () => import('../../../src/effects/kubernetes/container-step/ahead.ts'),
  jobs: () => import('../../../src/effects/kubernetes/job/host.ts'),
  scripts: () => import('../../../src/effects/kubernetes/script/backend.ts'),
  cleanup: () => import('../../../src/effects/kubernetes/cleanup/job.ts')
}

let processes = 0
let hexDigits = 0
const randomHex = (length: number): string => {
  hexDigits += 1
  return hexDigits.toString(16).padStart(length, '0').slice(-length)
}

/** Runs something as a process of its own does that reaches the cluster by a door. */
export async function asProcess<T>(door: Door, directory: string, work: () => Promise<T>): Promise<T> {
  processes += 1
  const path = join(directory, `kubeconfig-${processes}`)
  await writeFile(path, kubeconfig(door.host))
  return await own.run(path, work)
}

export async function startHook({ clock, door, input, environment, directory }: HookStart): Promise<HookProcess> {
  let isDead = false
  let log = ''
  let shown = ''
  const startedAtMs = clock.now()
  const { cancels, give } = createCancels()
  let end = (_exitCode: number | undefined) => {}
  const ended = new Promise<HookEnd>((resolve) => {
    end = (exitCode) => {
      isDead = true
      resolve({ exitCode, log, shown, tookMs: clock.now() - startedAtMs })
    }
  })
  const plain = createReporter((data) => {
    if (!isDead) log += Buffer.from(data).toString('utf8')
  })
  const reporter = {
    ...plain,
    output(chunk: Uint8Array) {
      if (!isDead) shown += Buffer.from(chunk).toString('utf8')
      plain.output(chunk)
    }
  }
  // What a process of its own would do is not a part of this world.
  const startAhead = async () => {}
  const stdin = Readable.from([Buffer.from(`${JSON.stringify(input)}\n`)])
  const mayRemain = () => {}
  const world = {
    stdin,
    environment,
    backends,
    cancels,
    startAhead,
    mayRemain,
    reporter,
    clock: mortal(clock, () => isDead),
    randomHex
  }
  await asProcess(door, directory, async () => void runHook(world).then(end))
  return {
    ended,
    cancel() {
      if (!cancels.signal.aborted) {
        void clock.sleep(FORCED_EXIT_MS, new AbortController().signal).then(() => end(1))
      }
      give()
    },
    kill() {
      end(undefined)
      void door.close()
    }
  }
}

function createCancels() {
  const controller = new AbortController()
  const listeners = new Set<() => void>()
  let count = 0
  return {
    cancels: {
      signal: controller.signal,
      listen(listener: () => void) {
        for (let given = 0; given < count; given += 1) listener()
        listeners.add(listener)
        return () => void listeners.delete(listener)
      }
    },
    give() {
      count += 1
      controller.abort()
      for (const listener of listeners) listener()
    }
  }
}
