/** Files into a pod that waits for them, by one tar stream over exec, for the copy mode. */

import { PassThrough, Writable } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import { type ErrorCode, StepError } from '../../../errors.ts'
import { COMPLETE_MEMBER } from '../../archive/pack.ts'
import { firstLine } from '../../failure-table.ts'
import { retry } from '../../retry.ts'
import { containerIn } from '../api/container.ts'
import { ExecRefused, type ExecResult, exec, execForbidden, isExecForbidden, KILLED_EXIT_CODE } from '../api/exec.ts'
import { logTail } from '../api/logs.ts'
import type { Site } from '../context/site.ts'
import { watchStart } from '../pods/start-watch.ts'
import { createJudge, type Judge } from '../pods/status.ts'
import { BYTEWISE, copiedMarker, WORK_ROOT } from './containers.ts'
import { execIn } from './reach.ts'
import { completeMember, type Outbox, openAll, type Source } from './sources.ts'

/** Between attempts to reach a container that is about to start. */
const EXEC_RETRY_MS = 50
/** The status is looked at after so many of them: it comes late anyhow. */
const ATTEMPTS_PER_LOOK = 4
/** A kubelet reports the end of a container within a second or so, a busy one later. */
const END_MS_MAX = 10_000
const END_POLL_MS = 100
/** Of the container's log, when it ended before the files were there. */
const LOG_LINES = 5

export interface CopyIn {
  readonly pod: string
  /** Runs in the pod, or is about to. */
  readonly container: string
  readonly sources: readonly Source[]
  /** Where the volume is mounted that is filled. */
  readonly root?: string
  /** Paths below the volume whose content is written down, so that copying out knows later what is gone. */
  readonly watched: readonly string[]
  /** What a broken transfer is called in this stage. */
  readonly failure: ErrorCode
  readonly lost: () => StepError
}

/** Says the script below when it waits for archives. */
const READY = 'ready\n'

/**
 * Unpacks the archives that follow each other on stdin, if no attempt before has done so. One that was given up may still be at
 * work somewhere: since only the newest has a file to rename, it cannot finish.
 */
const receiveScript = (root: string, sources: number): string =>
  [
    BYTEWISE,
    `cd ${root}`,
    'rm -f .delivering-*',
    `[ ! -e ${copiedMarker(root)} ] || exit 0`,
    ': > .delivering-$$',
    `echo ${READY.trim()}`,
    'tar --extract --preserve-permissions --numeric-owner --ignore-zeros --file=-',
    // The last members prove that no archive was cut short.
    `rm ${Array.from({ length: sources }, (_, index) => completeMember(index)).join(' ')}`,
    'if [ $# -gt 0 ]; then find "$@" -print0 | sort --zero-terminated > .before; fi',
    // Its time is what tells later what has changed.
    'touch -c .delivering-$$',
    `mv .delivering-$$ ${copiedMarker(root)}`
  ].join('\n')

/**
 * Fills the work volume of a pod through one of its containers, as soon as that can be reached: the kubelet reports it up to a
 * second later. What waits for the files in the pod goes on by itself once everything is there.
 */
export async function copyIn(site: Site, request: CopyIn, signal: AbortSignal): Promise<void> {
  const { clock, reporter } = site
  let state: Awaited<ReturnType<typeof look>> = 'starting'
  const judge = createJudge(clock)
  const watch = watchStart(site, request.pod, signal)
  let outbox = openAll(request.sources, signal)
  let attempts = 0
  const send = async () => {
    // Bounded by the signal: every stage has a budget.
    for (;;) {
      attempts += 1
      if (attempts % ATTEMPTS_PER_LOOK === 0) state = await look(site, request, judge, signal, watch)
      if (state === 'filled') return
      if (outbox.state() !== 'whole') {
        outbox.close()
        outbox = openAll(request.sources, signal)
      }
      try {
        const result = await sendAll(site, request, outbox, signal)
        if (result.exitCode === 0) return
        // The container that waits for the files may end, and take all its programs with it, before this shell has.
        if (isUnexplained(result) && (await endsWell(site, request, judge, signal))) return
        throw unpackFailed(request, result)
      } catch (error) {
        signal.throwIfAborted()
        if (isExecForbidden(error)) throw execForbidden(error, site.cluster.namespace)
        // Before the container runs, every way to fail only means: not yet.
        const isTooEarly = state === 'starting' && outbox.state() !== 'taken'
        if (!isTooEarly && !(error instanceof ExecRefused)) throw asFailure(error, request)
      }
      await clock.sleep(EXEC_RETRY_MS, signal)
    }
  }
  try {
    await retry('copyIn', send, {
      clock,
      signal,
      mayHeal: (error) => error instanceof StepError && error.code === 'cluster-unreachable',
      say: ({ message }) => reporter.line(`Files for pod ${request.pod}: ${message}, trying again`)
    })
  } finally {
    outbox.close()
  }
}

/** A program that was killed has said nothing of its own. */
const isUnexplained = ({ exitCode, stderr }: ExecResult): boolean => exitCode === KILLED_EXIT_CODE || stderr === ''

const unpackFailed = ({ pod, failure }: CopyIn, { exitCode, stderr }: ExecResult): StepError =>
  new StepError(
    failure,
    `could not unpack files in pod ${pod}: ${firstLine(stderr) || 'no reason was given'} (exit code ${exitCode})`,
    { detail: stderr }
  )

/** Whether the container that waits for the files ends well, as it only does once they are complete. Its status comes late. */
async function endsWell(site: Site, request: CopyIn, judge: Judge, signal: AbortSignal): Promise<boolean> {
  const startedAtMs = site.clock.now()
  while ((await look(site, request, judge, signal)) !== 'filled') {
    if (site.clock.now() - startedAtMs > END_MS_MAX) return false
    await site.clock.sleep(END_POLL_MS, signal)
  }
  return true
}

/** What is no StepError was said by the runner's own disk, of a file that became shorter or went away while it was read. */
const asFailure = (error: unknown, { pod, failure }: CopyIn): StepError =>
  error instanceof StepError
    ? error
    : new StepError(failure, `could not read files for pod ${pod}: ${(error as Error).message}`, { cause: error })

/** One attempt. */
async function sendAll(site: Site, request: CopyIn, outbox: Outbox, signal: AbortSignal): Promise<ExecResult> {
  const { pod, container, sources, watched, root = WORK_ROOT } = request
  const stdin = new PassThrough()
  const stop = new AbortController()
  const { stdout, ready } = listenForReady()
  const sending = ready.then(async () => {
    await outbox.empty(stdin)
    stdin.end()
  })
  const command = ['sh', '-ec', receiveScript(root, sources.length), 'copy-in', ...watched]
  const either = AbortSignal.any([signal, stop.signal])
  const receiving = exec({ ...containerIn(site.cluster, pod, container), command, stdin, stdout }, either)
  try {
    // A failure to send is told as such, and not as the broken connection that it leads to.
    return await Promise.race([receiving, sending.then(() => receiving)])
  } finally {
    // A receiver whose files cannot be read would wait for them until nothing has moved for a minute.
    stop.abort()
    stdin.destroy()
  }
}

function listenForReady(): { readonly stdout: Writable; readonly ready: Promise<void> } {
  let said = ''
  let begin = () => {}
  const ready = new Promise<void>((resolve) => {
    begin = resolve
  })
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said = (said + chunk.toString('latin1')).slice(0, READY.length)
      if (said === READY) begin()
      done()
    }
  })
  return { stdout, ready }
}

/** Runs a command in a container with an archive on its stdin. */
export async function send(
  site: Site,
  { pod, container }: { readonly pod: string; readonly container: string },
  source: Source,
  command: readonly string[],
  signal: AbortSignal
) {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const { stream, done } = source(COMPLETE_MEMBER, either)
  try {
    const [result] = await Promise.all([execIn(site, { pod, container }, { command, stdin: stream }, either), done])
    return result
  } finally {
    stop.abort()
    stream.destroy()
  }
}

/** Looks at the pod between attempts; `filled` when the container has ended well, which a lost answer may have hidden from us. */
async function look(
  site: Site,
  { pod: name, container, lost }: CopyIn,
  judge: Judge,
  signal: AbortSignal,
  watch?: (pod: V1Pod) => Promise<void>
) {
  const pod = await site.cluster.getPod(name, signal)
  if (pod === undefined) throw lost()
  const verdict = judge(pod, container)
  if (verdict.is === 'lost' || verdict.is === 'blocked') throw verdict.failure
  if (verdict.is === 'starting' && watch !== undefined) await watch(pod)
  if (verdict.is !== 'ended') return verdict.is
  const { exitCode } = verdict.terminated
  if (exitCode === 0) return 'filled'
  if (verdict.failure !== undefined) throw verdict.failure
  const log = await logTail(containerIn(site.cluster, name, container), { lines: LOG_LINES, previous: false }, signal)
  const why = firstLine(log) || 'it has written no log'
  throw new StepError('start-failed', `the container that waits for files ended with exit code ${exitCode}: ${why}`)
}
