/** Files into a pod that waits for them, in one tar stream per source over exec, for the copy mode. */
import { PassThrough, type Readable } from 'node:stream'
import { type ErrorCode, StepError } from '../../errors.ts'
import { COMPLETE_MEMBER, pack } from '../archive/pack.ts'
import { ExecRefused, type ExecRequest, exec } from './exec.ts'
import { logTail } from './logs.ts'
import { containerStatus, firstLine, podFailure, waitingFailure } from './pod-failures.ts'
import { DELIVERED_MARKER, WORK_ROOT } from './pod-parts.ts'
import type { Site } from './site.ts'

/** Between attempts to reach a container that is about to start. */
const EXEC_RETRY_MS = 100
/** Of the container's log, when it ended before the files were there. */
const LOG_LINES = 5

/** A tar stream that ends with the member `.complete`, and when everything has been put into it without a failure. */
interface Archive {
  readonly stream: Readable
  readonly done: Promise<unknown>
}

/** Where files come from; makes the archive anew for every attempt. */
export type Source = (signal: AbortSignal) => Archive

export interface Delivery {
  readonly pod: string
  readonly sources: readonly Source[]
  /** Paths below the work volume whose content is written down, so that `collect` knows later what is gone. */
  readonly watched: readonly string[]
  /** What a broken transfer is called in this stage. */
  readonly failure: ErrorCode
  readonly lost: () => StepError
}

/** Where in a pod to run a command. */
export const target = (site: Site, pod: string, container: string): Omit<ExecRequest, 'command'> => ({
  access: site.cluster.access,
  namespace: site.cluster.namespace,
  pod,
  container
})

const UNPACK = [
  `tar --extract --preserve-permissions --directory=${WORK_ROOT} --file=-`,
  // The last member proves that the archive was not cut short.
  `rm ${WORK_ROOT}/${COMPLETE_MEMBER}`
].join(' && ')

const FINISH = [
  `cd ${WORK_ROOT}`,
  'if [ $# -gt 0 ]; then find "$@" -print0 | sort --zero-terminated > .before; fi',
  `: > ${DELIVERED_MARKER}`
].join(' && ')

/**
 * Fills the work volume of a pod through its `deliver` container, as soon as that container can be reached: the kubelet
 * reports it up to a second later. The container ends by itself once everything is there.
 */
export async function deliver(site: Site, delivery: Delivery, signal: AbortSignal): Promise<void> {
  const last = delivery.sources.length - 1
  for (const [index, source] of delivery.sources.entries()) {
    const script = index === last ? `${UNPACK} && ${FINISH}` : UNPACK
    const command = ['sh', '-c', script, 'deliver', ...delivery.watched]
    if ((await deliverOne(site, delivery, source, command, signal)) === 'delivered already') return
  }
}

async function deliverOne(
  site: Site,
  delivery: Delivery,
  source: Source,
  command: readonly string[],
  signal: AbortSignal
): Promise<'delivered' | 'delivered already'> {
  // Bounded by the signal: every stage has a budget.
  for (;;) {
    const state = await deliverState(site, delivery, signal)
    if (state === 'delivered') return 'delivered already'
    try {
      const { exitCode, stderr } = await send(site, delivery.pod, 'deliver', source, command, signal)
      if (exitCode === 0) return 'delivered'
      throw new StepError(delivery.failure, `could not unpack files in pod ${delivery.pod}: ${stderr}`, {
        detail: stderr
      })
    } catch (error) {
      signal.throwIfAborted()
      // Before the container runs, every way to fail only means: not yet.
      const isTooEarly = state === 'starting' && !(error instanceof StepError && error.code === delivery.failure)
      if (!isTooEarly && !(error instanceof ExecRefused)) throw error
    }
    await site.clock.sleep(EXEC_RETRY_MS, signal)
  }
}

/** Runs a command in a container with an archive on its stdin. */
export async function send(
  site: Site,
  pod: string,
  container: string,
  source: Source,
  command: readonly string[],
  signal: AbortSignal
) {
  const stop = new AbortController()
  const { stream, done } = source(AbortSignal.any([signal, stop.signal]))
  try {
    const [result] = await Promise.all([
      exec({ ...target(site, pod, container), command, stdin: stream }, signal),
      done
    ])
    return result
  } finally {
    stop.abort()
    stream.destroy()
  }
}

/** Unpacks an archive in a container that runs already. */
export const UNPACK_COMMAND: readonly string[] = ['sh', '-c', UNPACK]

/** Looks at the pod between attempts; `delivered` when `deliver` has ended well, which a lost answer may have hidden from us. */
async function deliverState(site: Site, { pod: name, lost }: Delivery, signal: AbortSignal) {
  const pod = await site.cluster.getPod(name, signal)
  if (pod === undefined) throw lost()
  const status = containerStatus(pod, 'deliver')
  const failure = podFailure(pod) ?? waitingFailure(status)
  if (failure !== undefined) throw failure
  const exitCode = status?.state?.terminated?.exitCode
  if (exitCode === 0) return 'delivered'
  if (exitCode !== undefined) {
    const log = await logTail(target(site, name, 'deliver'), { lines: LOG_LINES, previous: false }, signal)
    throw new StepError(
      'start-failed',
      `the container that receives files ended with exit code ${exitCode}: ${firstLine(log)}`
    )
  }
  return status?.state?.running === undefined ? 'starting' : 'running'
}

/** Paths of the runner's own disk, relative to a directory there. */
export function fromRunner(root: string, paths: readonly string[], include?: (path: string) => boolean): Source {
  return () => {
    const stream = pack({ root, paths, ...(include && { include }) })
    return { stream, done: Promise.resolve() }
  }
}

/** The output of a command in a running container that writes an archive. */
export function fromContainer(site: Site, pod: string, container: string, command: readonly string[]): Source {
  return (signal) => {
    const stream = new PassThrough()
    const done = exec({ ...target(site, pod, container), command, stdout: stream }, signal).then(
      ({ exitCode, stderr }) => {
        if (exitCode === 0) return
        throw new StepError('workspace-delivery-failed', `could not read files of pod ${pod}: ${stderr}`)
      }
    )
    // The stream must fail too, or its reader would take the end for the end of the archive.
    done.catch((error: Error) => stream.destroy(error))
    return { stream, done }
  }
}

/** Packs paths of the work volume, without some of what is below them; missing ones are made. */
export function packPaths(paths: readonly string[], excluded: readonly string[]): readonly string[] {
  const script = [
    `cd ${WORK_ROOT}`,
    'mkdir -p "$@"',
    `: > ${COMPLETE_MEMBER}`,
    `tar --create --file=- --hard-dereference --anchored ${excluded.map((path) => `--exclude=${path}`).join(' ')} "$@" ${COMPLETE_MEMBER}`
  ].join(' && ')
  return ['sh', '-c', script, 'pack', ...paths]
}
