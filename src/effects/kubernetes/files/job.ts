/** Files that the runner's disk has got since prepare_job, brought to the job pod, for script steps in copy mode. */
import { StepError } from '../../../errors.ts'
import type { Site } from '../context/site.ts'
import { FILES_CONTAINER, WORK_ROOT } from '../specs/parts.ts'
import { send } from './copy-in.ts'
import { fromRunner } from './sources.ts'

const UNPACK = `cd ${WORK_ROOT} && tar --extract --preserve-permissions --numeric-owner --file=- && rm -f "$0"`

/** Sends an action and, after it, the mark that it is whole; paths relative to the work directory. Rejects with `workspace-delivery-failed`. */
export async function bringToJob(site: Site, action: string, signal: AbortSignal): Promise<void> {
  if (site.job === undefined) throw new StepError('run-lost', 'the job pod is gone')
  const { pod } = site.job
  // A last member of its own: two steps may bring an action at the same time.
  const last = `${action}.slipway-sent`
  const source = fromRunner({ root: site.storage.workDirectory, paths: [action, `${action}.completed`] })
  const { exitCode, stderr } = await send(
    site,
    { pod, container: FILES_CONTAINER },
    (_completeMember, signal) => source(last, signal),
    ['sh', '-c', UNPACK, last],
    signal
  )
  if (exitCode === 0) return
  throw new StepError('workspace-delivery-failed', `could not bring ${action} to the job pod: ${stderr}`)
}
