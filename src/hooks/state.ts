/**
 * What prepare_job's response leaves for the later commands of a job: written there, checked and read here. It comes back through
 * a file that containers can reach, so it only says which pod to look at: whether that one is this runner's, the cluster says.
 */
import { isObjectName } from '../effects/kubernetes/names.ts'
import { StepError } from '../errors.ts'
import type { HookInput } from './requests/protocol.ts'

/** The state that the runner keeps between commands (hook-protocol section 3). `jobPod` is the shipped hook's key too. */
export interface JobState {
  readonly jobPod: string
  /** For people and earlier versions; not read, because the runner pod's own volumes say it. */
  readonly storage: 'copy' | 'volume'
}

/** The job pod that a state names, or undefined when no job was prepared. Throws `invalid-input` for one that this hook cannot read. */
export function readState(state: HookInput['state']): Pick<JobState, 'jobPod'> | undefined {
  if (state === undefined) return undefined
  const { jobPod } = state
  if (typeof jobPod === 'string' && isObjectName(jobPod)) return { jobPod }
  throw new StepError(
    'invalid-input',
    'state.jobPod must be the name of the job pod; the job was prepared by another hook or version: use one hook for the whole job'
  )
}
