/**
 * What an action changed, back to where its files came from, for the copy mode: to the runner's disk, and in a job with a
 * job pod to that pod. Status change times tell what changed: no program can set them back.
 */

import { pipeline } from 'node:stream/promises'
import { StepError } from '../../../errors.ts'
import { GONE_MEMBER } from '../../archive/gone.ts'
import { BYTES_MAX } from '../../archive/limits.ts'
import { COMPLETE_MEMBER } from '../../archive/pack.ts'
import { unpack } from '../../archive/unpack.ts'
import { firstLine } from '../../failure-table.ts'
import { quote } from '../../shell-words.ts'
import { PLAIN_FILES, STAY_DIRECTORIES } from '../../work-tree/layout.ts'
import { isBelow } from '../../work-tree/tree.ts'
import type { ExecResult } from '../api/exec.ts'
import type { Site } from '../context/site.ts'
import { FILES_CONTAINER } from '../names.ts'
import { BYTEWISE, COPIED_MARKER, WORK_ROOT } from './containers.ts'
import { send } from './copy-in.ts'
import { execIn } from './reach.ts'
import { atMost, fromContainer, readMark, type Source, TAR_CREATE } from './sources.ts'

export interface CopyOut {
  readonly pod: string
  /** Paths that go to the runner's disk. */
  readonly toRunner: readonly string[]
  /** All that copying in was told to watch, in a job with a job pod: to a container of that pod. */
  readonly toJob?: { readonly pod: string; readonly container: string; readonly paths: readonly string[] } | undefined
  /** When the files were copied in from the runner's disk, by its clock. */
  readonly copiedAtMs?: number | undefined
}

/** Files of one transfer in the pod's work volume: both may be under way at once. */
type Way = 'runner' | 'job'

/** A script that writes down, NUL-separated, what was watched and is gone below paths; a superset where more was watched. */
const findGone = (way: Way, paths: readonly string[], gone: string): string =>
  [
    BYTEWISE,
    `cd ${WORK_ROOT}`,
    `find ${words(paths)} -print0 | sort --zero-terminated > .after-${way}`,
    `comm --zero-terminated -23 .before .after-${way} > ${gone}`
  ].join(' && ')

/** What is copied out: sockets, pipes and devices are not. */
const KINDS = '\\( -type f -o -type d -o -type l \\)'

/**
 * A script that packs what changed below paths, after the members that come before. What has a new path has changed, too: what lies in
 * a directory that was renamed keeps its own times. Sorted, so that directories come before what is in them.
 */
const packChanged = (
  way: Way,
  paths: readonly string[],
  before: readonly string[],
  completeMember = COMPLETE_MEMBER
): string =>
  [
    `: > ${completeMember}`,
    `printf '${[...before, ''].join('\\0')}' > .changed-${way}`,
    `find ${words(paths)} ${KINDS} -cnewer ${COPIED_MARKER} -print0 > .newer-${way}`,
    `find ${words(paths)} ${KINDS} -print0 | sort --zero-terminated | comm --zero-terminated -13 .before - >> .newer-${way}`,
    `sort --zero-terminated --unique .newer-${way} >> .changed-${way}`,
    `printf '${completeMember}\\0' >> .changed-${way}`,
    `${TAR_CREATE} --no-recursion --null --files-from=.changed-${way}`
  ].join(' && ')

const words = (paths: readonly string[]): string => paths.map(quote).join(' ')

/** More warnings would only hide the first ones. */
const LEFT_OUT_SHOWN_MAX = 10

/** Length of the list of what is gone, as decimal digits before it. */
const LENGTH_DIGITS = 12
const GONE_IN_JOB = '.gone-job'

/** Files of one step in the work volume of the job pod, where other steps have theirs. */
const ownNames = (pod: string) => ({ complete: `.complete-${pod}`, gone: `.gone-${pod}` })

const packForJob = (pod: string, paths: readonly string[]): string =>
  [
    findGone('job', paths, GONE_IN_JOB),
    `printf '%0${LENGTH_DIGITS}d' "$(wc -c < ${GONE_IN_JOB})"`,
    `cat ${GONE_IN_JOB}`,
    packChanged('job', paths, [], ownNames(pod).complete)
  ].join(' && ')

/**
 * Removes first: what is gone below a directory may be hidden behind a link of its name afterwards. What somebody else has made or changed
 * since the step's files were read stays, with the directories that it is in.
 */
const unpackInJob = (pod: string): string => {
  const { complete, gone } = ownNames(pod)
  const unchanged = `find "$@" -maxdepth 0 ! -type d ! -cnewer ${readMark(pod)} -print0 2>/dev/null`
  return [
    BYTEWISE,
    `cd ${WORK_ROOT}`,
    // Of an attempt before this one.
    `rm -f ${complete}`,
    `length=$(dd bs=${LENGTH_DIGITS} count=1 iflag=fullblock 2>/dev/null)`,
    `length=$((1$length - ${10 ** LENGTH_DIGITS}))`,
    `: > ${gone}`,
    // dd and not head: it takes no byte more than it was told.
    `[ "$length" -eq 0 ] || dd bs="$length" count=1 iflag=fullblock 2>/dev/null > ${gone}`,
    `xargs -0r sh -c '${unchanged}' find < ${gone} | xargs -0r rm -f --`,
    // What is below a directory comes before it; what is not empty, no directory or not there stays as it is.
    `sort --zero-terminated --reverse ${gone} | xargs -0r rmdir -- 2>/dev/null || :`,
    'tar --extract --preserve-permissions --numeric-owner --file=-',
    // The last member proves that the archive was not cut short.
    `rm ${complete}`,
    `rm -f ${gone} ${readMark(pod)}`
  ].join('\n')
}

/** Resolves with what was written on the runner's disk. Rejects with `collect-failed`, and can then be called again. */
export async function copyOut(site: Site, request: CopyOut, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const { pod, toRunner, toJob } = request
  // Neither is left to itself when the other one fails: the next attempt starts both anew.
  const [onRunner, inJob] = await Promise.allSettled([
    toRunner.length > 0 ? toRunnersDisk(site, request, signal) : new Set<string>(),
    toJob && toJobPod(site, pod, toJob, signal)
  ])
  signal.throwIfAborted()
  if (onRunner.status === 'fulfilled' && inJob.status === 'fulfilled') return onRunner.value
  const errors: readonly unknown[] = [onRunner, inJob].flatMap((way) => (way.status === 'rejected' ? [way.reason] : []))
  const permanent = errors.find((error) => error instanceof StepError && !error.retryable)
  if (permanent !== undefined) throw permanent
  const [error] = errors
  const text = error instanceof Error ? error.message : String(error)
  throw new StepError('collect-failed', `could not copy files out of pod ${pod}: ${text}`, { cause: error })
}

/** GNU tar's for what it cannot read. Nothing runs in the pod any more, so another try would not read it either. */
const TAR_FATAL = 2

const packingFailed = ({ exitCode, stderr }: ExecResult): Error =>
  exitCode === TAR_FATAL
    ? new StepError('files-refused', `the step's files cannot be copied out: ${firstLine(stderr)}`, {
        detail: stderr
      })
    : new Error(stderr)

async function toJobPod(
  site: Site,
  pod: string,
  job: NonNullable<CopyOut['toJob']>,
  signal: AbortSignal
): Promise<void> {
  const command = ['sh', '-c', packForJob(pod, job.paths)]
  const all = fromContainer(site, pod, FILES_CONTAINER, () => command, packingFailed)
  const bounded: Source = (completeMember, signal) => {
    const { stream, done } = all(completeMember, signal)
    const output = atMost(site.bytesMax ?? BYTES_MAX)
    return { stream: output, done: Promise.all([pipeline(stream, output), done]) }
  }
  const { exitCode, stderr } = await send(site, job, bounded, ['sh', '-ec', unpackInJob(pod)], signal)
  if (exitCode !== 0) throw new Error(stderr)
}

async function toRunnersDisk(
  site: Site,
  { pod, toRunner: paths, copiedAtMs }: CopyOut,
  signal: AbortSignal
): Promise<ReadonlySet<string>> {
  let leftOut = 0
  const unpacking = unpack({
    root: site.storage.workDirectory,
    isWanted: (path) => isBelow(path, paths),
    plainFilesIn: PLAIN_FILES,
    // The mounts themselves, and the directories on the way to them, are the runner's.
    staysDirectory: (path) => [...paths, ...STAY_DIRECTORIES].some((root) => isBelow(root, [path])),
    copiedAtMs,
    bytesMax: site.bytesMax,
    onLeftOut(path, why) {
      leftOut += 1
      if (leftOut <= LEFT_OUT_SHOWN_MAX) site.reporter.warning(`'${path}' is not copied to the runner: ${why}`)
    }
  })
  const script = `${findGone('runner', paths, GONE_MEMBER)} && ${packChanged('runner', paths, [GONE_MEMBER])}`
  const command = ['sh', '-c', script]
  const [packed, unpacked] = await Promise.allSettled([
    execIn(site, { pod, container: FILES_CONTAINER }, { command, stdout: unpacking.input }, signal),
    unpacking.done
  ])
  // A refusal ends the packing; a packing that fails ends the archive early.
  if (unpacked.status === 'rejected' && unpacked.reason instanceof StepError) throw unpacked.reason
  if (packed.status === 'fulfilled' && packed.value.exitCode !== 0) throw packingFailed(packed.value)
  if (unpacked.status === 'rejected') throw unpacked.reason
  if (packed.status === 'rejected') throw packed.reason
  return unpacked.value
}
