/**
 * Which files are copied into the pod of a container action, and out of it: those of the runner's disk, or in a job with a job
 * pod those of that pod, except the few that the runner writes for every single step.
 */
import type { CopiedIn, Mount } from '../../../machines/types.ts'
import { diskTimeMs } from '../../archive/staging.ts'
import { FILE_COMMANDS, HOOK_RESPONSES, TEMP, WORKFLOW } from '../../work-tree/layout.ts'
import { isBelow } from '../../work-tree/tree.ts'
import type { Site } from '../context/site.ts'
import { workPath } from '../context/storage.ts'
import { FILES_CONTAINER } from '../names.ts'
import { copyOutArtifacts } from './artifacts.ts'
import { copyIn } from './copy-in.ts'
import { type CopyOut, copyOut } from './copy-out.ts'
import { fromContainer, fromRunner, packPaths, readMark, type Source } from './sources.ts'
import type { FilledPod, NewPod } from './transfer.ts'

const isWritable = ({ readOnly }: Mount): boolean => !readOnly

/** The files that the mounts of a step show, into its pod. */
export async function copyInStep(
  site: Site,
  to: NewPod,
  mounts: readonly Mount[],
  signal: AbortSignal
): Promise<CopiedIn> {
  const copiedAtMs = site.job === undefined ? await diskTimeMs(site.storage.workDirectory) : undefined
  const sources = sourcesOf(site, to.pod, rootsOf(site, mounts))
  const watched = rootsOf(site, mounts.filter(isWritable))
  const failure = 'workspace-delivery-failed'
  await copyIn(site, { ...to, container: FILES_CONTAINER, sources, watched, failure }, signal)
  return { copiedAtMs }
}

function sourcesOf(site: Site, pod: string, roots: readonly string[]): Source[] {
  const { workDirectory } = site.storage
  const include = (path: string) => path !== HOOK_RESPONSES
  if (site.job === undefined) return [fromRunner({ root: workDirectory, paths: roots, include })]
  const ofRunner = [FILE_COMMANDS, WORKFLOW].filter((path) => isBelow(path, roots))
  const command = (completeMember: string) =>
    packPaths(roots, [...ofRunner, HOOK_RESPONSES], { completeMember, mark: readMark(pod) })
  return [
    fromContainer(site, site.job.pod, FILES_CONTAINER, command),
    fromRunner({ root: workDirectory, paths: ofRunner })
  ]
}

/** What changed below the writable mounts, back to where it came from. */
export async function copyOutStep(
  site: Site,
  { pod, copiedAtMs }: FilledPod,
  mounts: readonly Mount[],
  signal: AbortSignal
): Promise<void> {
  const watched = rootsOf(site, mounts.filter(isWritable))
  if (watched.length === 0) return
  const request: CopyOut =
    site.job === undefined
      ? { pod, toRunner: watched, copiedAtMs }
      : {
          pod,
          toRunner: isBelow(FILE_COMMANDS, watched) ? [FILE_COMMANDS] : [],
          toJob: { pod: site.job.pod, container: FILES_CONTAINER, paths: watched }
        }
  await copyOutArtifacts(site, await copyOut(site, request, signal), signal)
}

/** The mounted paths below the work directory, without those that lie inside another one. */
function rootsOf(site: Site, mounts: readonly Mount[]): string[] {
  const mounted = mounts.map(({ source }) => workPath(site.storage, source))
  // Mounting the whole work directory does not mean moving it: actions and tools stay where they are.
  const paths = [...new Set(mounted.flatMap((path) => (path === '' ? [TEMP, site.workspacePath] : [path])))]
  return paths.filter((path) => !paths.some((other) => other !== path && isBelow(path, [other])))
}
