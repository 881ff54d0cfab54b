/**
 * Which files a container action is given and gives back in copy mode: those of the runner's disk, or in a job with a job
 * pod those of that pod, except the few that the runner writes for every single step.
 */
import { StepError } from '../../../errors.ts'
import type { Mount } from '../../../machines/types.ts'
import { unpack } from '../../archive/unpack.ts'
import { FILE_COMMANDS, HOOK_RESPONSES, TEMP, WORKFLOW } from '../../work-tree/layout.ts'
import { isBelow } from '../../work-tree/tree.ts'
import { exec } from '../api/exec.ts'
import type { JobSite, Site } from '../context/site.ts'
import { workPath } from '../context/storage.ts'
import { FILES_CONTAINER } from '../specs/parts.ts'
import { type Delivery, deliver } from './copy-in.ts'
import { type Collection, collect } from './copy-out.ts'
import { fromContainer, fromRunner, packPaths, type Source, target } from './sources.ts'

const isWritable = ({ readOnly }: Mount): boolean => !readOnly

/** Brings a step pod the files its mounts show. */
export async function deliverStep(
  site: Site,
  mounts: readonly Mount[],
  delivery: Pick<Delivery, 'pod' | 'lost'>,
  signal: AbortSignal
): Promise<void> {
  const roots = rootsOf(site, mounts)
  const watched = rootsOf(site, mounts.filter(isWritable))
  await deliver(
    site,
    {
      ...delivery,
      container: FILES_CONTAINER,
      sources: sourcesOf(site, roots),
      watched,
      failure: 'workspace-delivery-failed'
    },
    signal
  )
}

function sourcesOf(site: Site, roots: readonly string[]): Source[] {
  const { workDirectory } = site.storage
  const include = (path: string) => path !== HOOK_RESPONSES
  if (site.job === undefined) return [fromRunner({ root: workDirectory, paths: roots, include })]
  const ofRunner = [FILE_COMMANDS, WORKFLOW].filter((path) => isBelow(path, roots))
  const command = (completeMember: string) => packPaths(roots, [...ofRunner, HOOK_RESPONSES], completeMember)
  return [
    fromContainer(site, site.job.pod, FILES_CONTAINER, command),
    fromRunner({ root: workDirectory, paths: ofRunner })
  ]
}

/** Brings what changed below the writable mounts back to where it came from. */
export async function collectStep(
  site: Site,
  mounts: readonly Mount[],
  pod: string,
  signal: AbortSignal
): Promise<void> {
  const watched = rootsOf(site, mounts.filter(isWritable))
  if (watched.length === 0) return
  const collection: Collection =
    site.job === undefined
      ? { pod, toRunner: watched }
      : {
          pod,
          toRunner: isBelow(FILE_COMMANDS, watched) ? [FILE_COMMANDS] : [],
          toJob: { pod: site.job.pod, container: FILES_CONTAINER, paths: watched }
        }
  await collect(site, collection, signal)
}

/** The mounted paths below the work directory, without those that lie inside another one. */
function rootsOf(site: Site, mounts: readonly Mount[]): string[] {
  const mounted = mounts.map(({ source }) => workPath(site.storage, source))
  // Mounting the whole work directory does not mean moving it: actions and tools stay where they are.
  const paths = [...new Set(mounted.flatMap((path) => (path === '' ? [TEMP, site.workspacePath] : [path])))]
  return paths.filter((path) => !paths.some((other) => other !== path && isBelow(path, [other])))
}

/**
 * Makes a directory of the runner's disk what it is in the job pod: a checked-out action's Dockerfile is built from the
 * runner's disk, but was checked out there. For copy mode: a volume is the same disk.
 */
export async function mirrorFromJob(site: Site, job: JobSite, directory: string, signal: AbortSignal): Promise<void> {
  const path = workPath(site.storage, directory)
  if (!isBelow(path, [site.workspacePath])) return
  const unpacking = unpack({
    root: site.storage.workDirectory,
    isWanted: (found) => isBelow(found, [path]),
    bytesMax: site.bytesMax
  })
  const command = packPaths([path], [])
  const [{ exitCode, stderr }] = await Promise.all([
    exec({ ...target(site, job.pod, FILES_CONTAINER), command, stdout: unpacking.input }, signal),
    unpacking.done
  ])
  if (exitCode !== 0) {
    throw new StepError('workspace-delivery-failed', `could not read ${path} in the job pod: ${stderr}`)
  }
}
