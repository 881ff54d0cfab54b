/** Records the traces that the page's tests replay: four runs of the examples on the local engine (scripts/record-traces.mjs). */
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CliDependencies } from '../../src/cli/command.ts'
import { makeDirectories } from '../../src/cli/directories.ts'
import { provisionLocalPorts } from '../../src/cli/provision.ts'
import { createTrace } from '../../src/effects/log/trace.ts'
import { type Observer, runContainerStep } from '../../src/effects/run/wire.ts'
import { randomHex } from '../../src/effects/system.ts'
import { StepError } from '../../src/errors.ts'
import { environment } from '../../src/hooks/settings/config.ts'
import type { Pusher, StepPorts } from '../../src/machines/ports.ts'
import { backOffMs } from '../../src/machines/stage.ts'
import { BUDGETS } from '../../src/machines/stages.ts'
import type { StepRequest } from '../../src/machines/types.ts'

interface Recording {
  readonly name: string
  readonly action: string
  readonly request?: Partial<StepRequest>
  readonly alter?: (ports: StepPorts) => StepPorts
  /** The state in which the order to cancel comes. */
  readonly cancelIn?: string
}

const REFUSED = new StepError('registry-unreachable', 'the registry does not answer: connection refused')

/** The registry does not answer the first two times. */
const unreliable = ({ pusher, clock }: StepPorts): Pusher => ({
  async push(input, tell, signal) {
    for (const attempt of [1, 2]) {
      tell({ type: 'TRY_FAILED', error: REFUSED })
      await clock.sleep(clock.jitter(backOffMs(input.tries, attempt)), signal)
      tell({ type: 'TRY_STARTED' })
    }
    return await pusher.push(input, tell, signal)
  }
})

const RECORDINGS: readonly Recording[] = [
  { name: 'success', action: 'hello-action' },
  { name: 'build-failure', action: 'failing-action' },
  { name: 'retry', action: 'hello-action', alter: (ports) => ({ ...ports, pusher: unreliable(ports) }) },
  {
    name: 'cancel',
    action: 'hello-action',
    request: { entryPoint: '/bin/sleep', args: ['60'] },
    cancelIn: 'running.attempting'
  }
]

const deps: CliDependencies = {
  write: (data) => void process.stdout.write(data),
  environment,
  workingDirectory: process.cwd(),
  temporaryDirectory: tmpdir(),
  isRoot: process.getuid?.() === 0,
  onCancel: () => () => {}
}

async function record({ name, action, request, alter, cancelIn }: Recording, to: string): Promise<void> {
  const directories = await makeDirectories(deps.temporaryDirectory, undefined)
  const traces = await mkdtemp(join(deps.temporaryDirectory, 'slipway-traces-'))
  const backend = await provisionLocalPorts(deps, new AbortController().signal)
  const trace = createTrace(
    { directory: traces, isDefault: false },
    { command: 'run_container_step', runnerPod: 'runner-abc' },
    {
      mask: (text) => text,
      randomHex,
      onFailure(reason) {
        throw new Error(reason)
      }
    }
  )
  let cancel = () => {}
  const canceller: Observer = (fact) => {
    if (fact.type === 'entered' && fact.state === cancelIn) setTimeout(cancel, 700)
  }
  try {
    const output = await runContainerStep({
      request: {
        dockerfile: join(deps.workingDirectory, 'examples', action, 'Dockerfile'),
        args: ['harbour'],
        env: { ...directories.env, PUNCTUATION: '!' },
        workingDirectory: '/github/workspace',
        mounts: directories.mounts,
        ...request
      },
      ports: alter === undefined ? backend.ports : alter(backend.ports),
      budgets: BUDGETS,
      observers: [trace.observer, canceller],
      onCancel(order) {
        cancel = order
        return () => {}
      }
    })
    trace.end(output)
    const [file = ''] = await readdir(traces)
    await copyFile(join(traces, file), join(to, `${name}.jsonl`))
  } finally {
    await backend.close()
    await directories.remove()
    await rm(traces, { recursive: true, force: true })
  }
}

/** Writes every trace into a directory. */
export async function recordTraces(to: string): Promise<void> {
  for (const recording of RECORDINGS) await record(recording, to)
}
