/**
 * What an action changed, back to where its files came from, for the copy mode: to the runner's disk, and in a job with a
 * job pod to that pod. Status change times tell what changed: no program can set them back.
 */
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { StepError } from '../../errors.ts'
import { COMPLETE_MEMBER } from '../archive/pack.ts'
import { GONE_MEMBER, unpack } from '../archive/unpack.ts'
import { fromContainer, send, target, UNPACK_COMMAND } from './deliver.ts'
import { exec } from './exec.ts'
import { DELIVERED_MARKER, WORK_ROOT } from './pod-parts.ts'
import type { Site } from './site.ts'

export interface Collection {
  readonly pod: string
  /** What `deliver` was told to watch. */
  readonly watched: readonly string[]
  /** Paths that go to the runner's disk. */
  readonly toRunner: readonly string[]
  /** Paths that go to a container of the job pod instead. */
  readonly toJob?: { readonly pod: string; readonly container: string; readonly paths: readonly string[] } | undefined
}

const FIND_GONE = [
  `cd ${WORK_ROOT}`,
  'find "$@" -print0 | sort --zero-terminated > .after',
  `comm --zero-terminated -23 .before .after > ${GONE_MEMBER}`
].join(' && ')

/** A script that packs what changed below its arguments, after the members that come before. */
const packChanged = (before: readonly string[]): string =>
  [
    `cd ${WORK_ROOT}`,
    `: > ${COMPLETE_MEMBER}`,
    `printf '${[...before, ''].join('\\0')}' > .changed`,
    `{ [ $# -eq 0 ] || find "$@" \\( -type f -o -type d -o -type l \\) -cnewer ${DELIVERED_MARKER} -print0 >> .changed; }`,
    `printf '${COMPLETE_MEMBER}\\0' >> .changed`,
    'tar --create --file=- --no-recursion --hard-dereference --null --files-from=.changed'
  ].join(' && ')

/** Rejects with `collect-failed`, and can then be called again. */
export async function collect(site: Site, collection: Collection, signal: AbortSignal): Promise<void> {
  const { pod, watched, toRunner, toJob } = collection
  try {
    await run(site, pod, ['sh', '-c', FIND_GONE, 'collect', ...watched], signal)
    const gone = await collectToRunner(site, pod, toRunner, signal)
    if (toJob === undefined) return
    const goneThere = gone.filter((path) => isBelow(path, toJob.paths))
    if (goneThere.length > 0) await removeInJob(site, toJob, goneThere, signal)
    const source = fromContainer(site, pod, 'collect', ['sh', '-c', packChanged([]), 'collect', ...toJob.paths])
    const { exitCode, stderr } = await send(site, toJob.pod, toJob.container, source, UNPACK_COMMAND, signal)
    if (exitCode !== 0) throw new Error(stderr)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof StepError && !error.retryable) throw error
    const text = error instanceof Error ? error.message : String(error)
    throw new StepError('collect-failed', `could not bring files back from pod ${pod}: ${text}`, { cause: error })
  }
}

async function run(site: Site, pod: string, command: readonly string[], signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await exec({ ...target(site, pod, 'collect'), command }, signal)
  if (exitCode !== 0) throw new Error(stderr)
}

/** Updates the runner's disk, and resolves with everything that is gone, there or elsewhere. */
async function collectToRunner(
  site: Site,
  pod: string,
  paths: readonly string[],
  signal: AbortSignal
): Promise<readonly string[]> {
  const root = site.storage.workDirectory
  let gone: readonly string[] = []
  const unpacking = unpack({
    root,
    isWanted: (path) => isBelow(path, paths),
    async onGone(all) {
      gone = all
      await removeGone(
        root,
        all.filter((path) => isBelow(path, paths))
      )
    }
  })
  const command = ['sh', '-c', packChanged([GONE_MEMBER]), 'collect', ...paths]
  const [{ exitCode, stderr }] = await Promise.all([
    exec({ ...target(site, pod, 'collect'), command, stdout: unpacking.input }, signal),
    unpacking.done
  ])
  if (exitCode !== 0) throw new Error(stderr)
  return gone
}

const isBelow = (path: string, roots: readonly string[]): boolean =>
  roots.some((root) => path === root || path.startsWith(`${root}/`))

/** Removes what stands directly in a directory that is still there; what was below goes with it. */
async function removeGone(root: string, gone: readonly string[]): Promise<void> {
  const all = new Set(gone)
  for (const path of gone) {
    if (!all.has(dirname(path))) await rm(join(root, path), { recursive: true, force: true })
  }
}

async function removeInJob(
  site: Site,
  job: NonNullable<Collection['toJob']>,
  paths: readonly string[],
  signal: AbortSignal
): Promise<void> {
  const command = ['sh', '-c', `cd ${WORK_ROOT} && xargs --null rm -rf --`]
  const stdin = Readable.from([Buffer.from(paths.map((path) => `${path}\0`).join(''))])
  const { exitCode, stderr } = await exec({ ...target(site, job.pod, job.container), command, stdin }, signal)
  if (exitCode !== 0) throw new Error(stderr)
}
