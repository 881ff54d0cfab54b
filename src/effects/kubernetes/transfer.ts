/** Files into a waiting pod and back out of a running one, each in one tar stream over exec, for the copy mode. */
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { type ErrorCode, StepError } from '../../errors.ts'
import { COMPLETE_MEMBER, pack } from '../archive/pack.ts'
import { LISTING_MEMBER, unpack } from '../archive/unpack.ts'
import { ExecRefused, exec } from './exec.ts'
import { containerStatus, podFailure, waitingFailure } from './pod-failures.ts'
import { DELIVERED_MARKER, WORK_ROOT } from './pod-parts.ts'
import type { Site } from './site.ts'

/** Between attempts to reach a container that is about to start. */
const EXEC_RETRY_MS = 100

export interface Delivery {
  readonly pod: string
  /** Makes the archive anew for every attempt. */
  readonly archive: () => Readable
  /** What a broken transfer is called in this stage. */
  readonly failure: ErrorCode
  readonly lost: () => StepError
}

/**
 * Fills the work volume of a pod through its `deliver` container, as soon as that container can be reached: the kubelet
 * reports it up to a second later. The container ends by itself once everything is there.
 */
export async function deliver(site: Site, delivery: Delivery, signal: AbortSignal): Promise<void> {
  const unpackAll = [
    `tar --extract --preserve-permissions --directory=${WORK_ROOT} --file=-`,
    // The last member proves that the archive was not cut short.
    `rm ${WORK_ROOT}/${COMPLETE_MEMBER}`,
    `: > ${DELIVERED_MARKER}`
  ].join(' && ')
  // Bounded by the signal: every stage has a budget.
  for (;;) {
    const state = await deliverState(site, delivery, signal)
    if (state === 'delivered') return
    const archive = delivery.archive()
    try {
      const request = { ...target(site, delivery.pod, 'deliver'), command: ['sh', '-c', unpackAll], stdin: archive }
      const { exitCode, stderr } = await exec(request, signal)
      if (exitCode === 0) return
      throw new StepError(delivery.failure, `could not unpack files in pod ${delivery.pod}: ${stderr}`, {
        detail: stderr
      })
    } catch (error) {
      signal.throwIfAborted()
      // Before the container runs, every way to fail only means: not yet.
      const isTooEarly = state === 'starting' && !(error instanceof StepError && error.code === delivery.failure)
      if (!isTooEarly && !(error instanceof ExecRefused)) throw error
    } finally {
      archive.destroy()
    }
    await site.clock.sleep(EXEC_RETRY_MS, signal)
  }
}

/** Looks at the pod between attempts; `delivered` when `deliver` has ended well, which a lost answer may have hidden from us. */
async function deliverState(site: Site, { pod: name, lost }: Delivery, signal: AbortSignal) {
  const pod = await site.cluster.getPod(name, signal)
  if (pod === undefined) throw lost()
  const status = containerStatus(pod, 'deliver')
  const failure = podFailure(pod) ?? waitingFailure(status)
  if (failure !== undefined) throw failure
  if (status?.state?.terminated?.exitCode === 0) return 'delivered'
  return status?.state?.running === undefined ? 'starting' : 'running'
}

const target = (site: Site, pod: string, container: string) => ({
  config: site.cluster.config,
  namespace: site.cluster.namespace,
  pod,
  container
})

/**
 * Brings back what has changed below `paths` (relative to the work directory) since the delivery, and removes from the
 * runner's disk what was delivered and is gone. Status change times tell what changed: no program can set them back.
 */
export async function collect(
  site: Site,
  pod: string,
  paths: readonly string[],
  delivered: ReadonlySet<string>,
  signal: AbortSignal
): Promise<void> {
  const types = '\\( -type f -o -type d -o -type l \\)'
  const packChanged = [
    `cd ${WORK_ROOT}`,
    `find "$@" -print0 > ${LISTING_MEMBER}`,
    `: > ${COMPLETE_MEMBER}`,
    `printf '%s\\0' ${LISTING_MEMBER} > .changed`,
    `find "$@" ${types} -cnewer ${DELIVERED_MARKER} -print0 >> .changed`,
    `printf '%s\\0' ${COMPLETE_MEMBER} >> .changed`,
    'tar --create --file=- --no-recursion --hard-dereference --null --files-from=.changed'
  ].join(' && ')
  const root = site.storage.workDirectory
  const unpacking = unpack({
    root,
    isWanted: (path) => paths.some((wanted) => path === wanted || path.startsWith(`${wanted}/`)),
    onListing: (existing) => removeGone(root, delivered, existing)
  })
  const command = ['sh', '-c', packChanged, 'collect', ...paths]
  try {
    const [{ exitCode, stderr }] = await Promise.all([
      exec({ ...target(site, pod, 'collect'), command, stdout: unpacking.input }, signal),
      unpacking.done
    ])
    if (exitCode !== 0) throw new Error(stderr)
  } catch (error) {
    unpacking.input.destroy()
    signal.throwIfAborted()
    if (error instanceof StepError && error.code !== 'cluster-unreachable') throw error
    const text = error instanceof Error ? error.message : String(error)
    throw new StepError('collect-failed', `could not bring files back from pod ${pod}: ${text}`, { cause: error })
  }
}

/** Removes delivered paths that no longer exist in the pod, deepest first, so that each directory is empty by then. */
async function removeGone(root: string, delivered: ReadonlySet<string>, existing: ReadonlySet<string>): Promise<void> {
  const gone = [...delivered].filter((path) => !existing.has(path)).sort((a, b) => b.length - a.length)
  for (const path of gone) {
    // A parent that became a link must not lead the removal elsewhere: what is below it goes with it.
    if (existing.has(dirname(path)) || dirname(path) === '.')
      await rm(join(root, path), { recursive: true, force: true })
  }
}

const EVERYBODY_WRITES_DIRECTORY = 0o777
const EVERYBODY_WRITES_FILE = 0o666

/** Makes the mounted directories, and lets images that do not run as root write to them (actions/runner#3290). */
export async function openForEveryUser(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    await mkdir(directory, { recursive: true })
    // Not ours to change: then it stays as its owner wanted it.
    await chmod(directory, EVERYBODY_WRITES_DIRECTORY).catch(() => {})
    if (!directory.endsWith('_runner_file_commands')) continue
    for (const file of await readdir(directory)) {
      await chmod(join(directory, file), EVERYBODY_WRITES_FILE).catch(() => {})
    }
  }
}

/** A tar stream of `paths` below the work directory that notes what it sends. */
export function packWork(site: Site, paths: readonly string[], delivered: Set<string>): Readable {
  delivered.clear()
  return pack({
    root: site.storage.workDirectory,
    paths,
    include: (path) => !path.endsWith('_temp/_runner_hook_responses'),
    onEntry: (path) => delivered.add(path)
  })
}
