/** What prepare_job's response leaves for the later commands of a job: written there, checked and read here. */
import { StepError } from '../errors.ts'
import type { HookInput } from './protocol.ts'

/** The state that the runner keeps between commands (hook-protocol section 3). `jobPod` is the shipped hook's key too. */
export interface JobState {
  readonly jobPod: string
  /** Absent when another hook prepared the job. */
  readonly storage?: 'copy' | 'volume' | undefined
}

/** The state of a job, or undefined when none was prepared. Throws `invalid-input` for one that this hook cannot read. */
export function readState(state: HookInput['state']): JobState | undefined {
  if (state === undefined) return undefined
  const { jobPod, storage } = state
  if (typeof jobPod === 'string' && jobPod !== '') {
    return { jobPod, storage: storage === 'copy' || storage === 'volume' ? storage : undefined }
  }
  throw new StepError(
    'invalid-input',
    'state.jobPod must be the name of the job pod; the job was prepared by another hook or version: use one hook for the whole job'
  )
}
