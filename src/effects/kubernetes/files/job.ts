/** Files into and out of the job pod, for the copying transfer: all that there is at first, an action that came later, a directory to build from. */

import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Clock } from '../../../machines/ports.ts'
import { removeOthers } from '../../archive/mirror.ts'
import { COMPLETE_MEMBER } from '../../archive/pack.ts'
import { isStaging } from '../../archive/staging.ts'
import { unpack } from '../../archive/unpack.ts'
import { HOOK_RESPONSES } from '../../work-tree/layout.ts'
import { isBelow } from '../../work-tree/tree.ts'
import type { Site } from '../context/site.ts'
import { workPath } from '../context/storage.ts'
import { COPY_IN_CONTAINER, FILES_CONTAINER } from '../names.ts'
import { createJudge, hasStarted } from '../pods/status.ts'
import { waitForPod } from '../pods/wait.ts'
import { BYTEWISE, WORK_ROOT } from './containers.ts'
import { copyIn, send } from './copy-in.ts'
import { execIn } from './reach.ts'
import { fromRunner, TAR_CREATE } from './sources.ts'
import type { NewJobPod } from './transfer.ts'

/** Everything below the work directory, in one stream, once a node has the pod. */
export async function copyInJob(
  site: Site,
  { pod, lost, hasPredecessor, schedulingMsMax }: NewJobPod,
  signal: AbortSignal
): Promise<void> {
  const bounded = { ...site, schedulingMsMax, settingUpMsMax: schedulingMsMax }
  await waitForPod(bounded, pod, hasPredecessor ? receiverStarted(site.clock) : isScheduled, lost, signal)
  const root = site.storage.workDirectory
  const sources = [fromRunner({ root, paths: [''], include: (path) => path !== HOOK_RESPONSES && !isStaging(path) })]
  const failure = 'workspace-delivery-failed'
  await copyIn(bounded, { pod, container: COPY_IN_CONTAINER, sources, watched: [], failure, lost }, signal)
}

const isScheduled = (pod: V1Pod): true | undefined =>
  pod.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'True') || undefined

/** The kubelet finds a container by its pod's name, also one that is being killed: a new pod of that name must run first. */
function receiverStarted(clock: Clock): (pod: V1Pod) => true | undefined {
  const judge = createJudge(clock)
  return (pod) => hasStarted(judge(pod, COPY_IN_CONTAINER))
}

/** Of the action `$1`, with the last member `$0`. Another step may send the same one, and must never find it half there, nor have it taken away. */
const UNPACK_ACTION = [
  BYTEWISE,
  `cd ${WORK_ROOT}`,
  'into=.action-$$',
  'mkdir "$into"',
  `trap 'rm -rf "$into"' EXIT`,
  'tar --extract --preserve-permissions --numeric-owner --directory="$into" --file=-',
  // The last member proves that the archive was not cut short.
  'rm "$into/$0"',
  // Held until the shell ends.
  'exec 9<. && flock 9',
  '[ ! -e "$1.completed" ] || exit 0',
  'mkdir -p "$(dirname "$1")"',
  '[ ! -e "$1" ] || mv -T "$1" "$into/before"',
  'mv -T "$into/$1" "$1"',
  'mv "$into/$1.completed" "$1.completed"'
].join('\n')

/** Sends an action and, after it, the mark that it is whole; paths relative to the work directory. Rejects with `workspace-delivery-failed`. */
export async function copyInAction(site: Site, action: string, signal: AbortSignal): Promise<void> {
  if (site.job === undefined) throw new StepError('run-lost', 'the job pod is gone')
  const { pod } = site.job
  const last = `${action}.slipway-sent`
  const source = fromRunner({ root: site.storage.workDirectory, paths: [action, `${action}.completed`] })
  const { exitCode, stderr } = await send(
    site,
    { pod, container: FILES_CONTAINER },
    (_completeMember, signal) => source(last, signal),
    ['sh', '-ec', UNPACK_ACTION, last, action],
    signal
  )
  if (exitCode === 0) return
  throw new StepError('workspace-delivery-failed', `could not copy ${action} into the job pod: ${stderr}`)
}

/**
 * Packs the directory `$1`, or what a link of this name leads to, if that is one of the job's own. Exit code 1 is GNU tar's for files
 * that change while they are read.
 */
const PACK_DIRECTORY = [
  BYTEWISE,
  `cd ${WORK_ROOT} && : > ${COMPLETE_MEMBER} || exit`,
  'real=$(realpath -e -- "$1") || real=',
  `case $real in ${WORK_ROOT}/*) set -- "$1/." ;; *) set -- ;; esac`,
  '[ -d "$real" ] || set --',
  `${TAR_CREATE} "$@" ${COMPLETE_MEMBER} || [ $? -eq 1 ]`
].join('\n')

/** For an action that the job has checked out: its Dockerfile is built from the runner's disk, but was checked out in the job pod. */
export async function copyOutOfJob(site: Site, directory: string, signal: AbortSignal): Promise<void> {
  const path = workPath(site.storage, directory)
  if (site.job === undefined || !isBelow(path, [site.workspacePath])) return
  const unpacking = unpack({
    root: site.storage.workDirectory,
    isWanted: (found) => isBelow(found, [path]),
    bytesMax: site.bytesMax,
    onLeftOut: (found, why) => site.reporter.line(`'${found}' is not built: ${why}`)
  })
  const command = ['sh', '-c', PACK_DIRECTORY, 'pack', path]
  const [{ exitCode, stderr }, inJob] = await Promise.all([
    execIn(site, { pod: site.job.pod, container: FILES_CONTAINER }, { command, stdout: unpacking.input }, signal),
    unpacking.done
  ])
  if (exitCode !== 0) {
    throw new StepError('workspace-delivery-failed', `could not read ${path} in the job pod: ${stderr}`)
  }
  // What a script has removed of it since it was here the last time.
  await removeOthers(site.storage.workDirectory, path, inJob)
}
