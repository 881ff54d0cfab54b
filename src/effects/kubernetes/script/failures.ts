/** Why a script cannot be started, or is no more, as StepErrors; looks at the pod only once something has failed. */
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import { firstLine } from '../../failure-table.ts'
import { ExecRefused, execForbidden, isExecForbidden, isWithoutShell } from '../api/exec.ts'
import { JOB_CONTAINER } from '../names.ts'
import { verdictOn } from '../pods/status.ts'
import type { JobContainer } from './connection.ts'

const EXIT_NOT_EXECUTABLE = 126
const EXIT_NOT_FOUND = 127

const noShell = (detail: string) =>
  new StepError(
    'start-failed',
    'the image of the job container has no `sh`: scripts need one, use an image that has it',
    { detail }
  )

/** Why no connection came about, or the shell ended before its time; `cluster-unreachable` when it is worth trying again. */
export async function explain(container: JobContainer, error: unknown, signal: AbortSignal): Promise<StepError> {
  if (isWithoutShell(error)) return noShell(error.message)
  if (isExecForbidden(error)) return execForbidden(error, container.namespace)
  const text = firstLine(error instanceof Error ? error.message : String(error))
  const unreachable = new StepError('cluster-unreachable', `no connection to the job container: ${text}`, {
    cause: error
  })
  // Who does not answer here cannot be asked about the pod either.
  if (error instanceof ExecRefused && error.status === undefined) return unreachable
  try {
    const failure = failureOf(await container.getPod(signal), container.pod)
    if (failure !== undefined) return failure
  } catch (thrown) {
    signal.throwIfAborted()
    if (thrown instanceof StepError) return thrown
    throw thrown
  }
  return unreachable
}

/** Why nothing runs in the job container any more; undefined while it does. */
export function failureOf(pod: V1Pod | undefined, name: string): StepError | undefined {
  if (pod === undefined) {
    return new StepError('run-lost', `the job pod ${name} is gone: somebody deleted it, or its node is gone`)
  }
  const verdict = verdictOn(pod, JOB_CONTAINER)
  if (verdict.is === 'lost') return verdict.failure
  if (verdict.is !== 'ended') return undefined
  const { exitCode } = verdict.terminated
  return (
    verdict.failure ??
    new StepError(
      'run-lost',
      `the job container ended with exit code ${exitCode} while the step was running: its main process has to run for the whole job`
    )
  )
}

/** The shell ended without a word of ours; undefined when something else must have happened to it. */
export function shellFailure(exitCode: number, stderr: string): StepError | undefined {
  return exitCode === EXIT_NOT_FOUND || exitCode === EXIT_NOT_EXECUTABLE ? noShell(stderr) : undefined
}
