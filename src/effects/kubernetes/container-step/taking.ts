/**
 * Takes a pod that was built in place ahead for the step that came, waits until its build has ended, and shows that as the step's own: for
 * the backend of its ports. Whatever is wrong with the pod, the step builds by itself.
 */
import { Writable } from 'node:stream'
import { StepError } from '../../../errors.ts'
import type { TakeInput } from '../../../machines/inputs.ts'
import type { BuiltInPlace, Taken } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import { keepFirst } from '../../capture.ts'
import { partAt } from '../../in-place/marker.ts'
import { PLACES } from '../../in-place/scripts.ts'
import { within } from '../../within.ts'
import { inodeOf } from '../../work-tree/rights.ts'
import { containerIn } from '../api/container.ts'
import { createLogReader } from '../api/logs.ts'
import type { Site } from '../context/site.ts'
import { isCopied } from '../context/storage.ts'
import { execIn } from '../files/reach.ts'
import { follow } from '../pods/wait.ts'
import { STEP_CONTAINER } from '../specs/step-pod.ts'
import { inBuildLog } from './build-log.ts'
import { isOver, START_MS_MAX } from './join.ts'
import { giveUp, take } from './standing.ts'
import type { Telling } from './telling.ts'

const LOOK_MS = 250
/** Of a log that is all there. One that does not come by then is followed. */
const LOG_MS_MAX = 5_000
/** One that is longer is shown while it is read. */
const LOG_BYTES_MAX = 4 * 1024 * 1024
/** Of an inode, with the end of its line. */
const INODE_BYTES_MAX = 32

interface Taking {
  readonly builder: ChosenBuilder
  /** Called for a pod that stands, as soon as it is this step's: it will be handed over to. */
  readonly open: (pod: string) => Pick<Telling, 'close'>
}

export async function takeStanding(
  site: Site,
  { builder, open }: Taking,
  input: TakeInput,
  signal: AbortSignal
): Promise<Taken> {
  const { standing, nonce } = input
  const { pod } = standing
  let opened: ReturnType<typeof open> | undefined
  // Most stand by then, with all of their log and the directories that they have: it is no matter whose they are.
  const taken = Promise.all([take(site, pod, nonce, signal), logOfBuilt(site, standing, signal)])
  const opening = taken.then(([isOurs, written]) => {
    if (isOurs && written !== undefined && !signal.aborted) opened = open(pod)
  })
  const isOfFit = hasMounts(site, pod, input.request, signal).catch(() => undefined)
  try {
    const [[isOurs, written], isFitting] = await Promise.all([taken, isOfFit, opening])
    signal.throwIfAborted()
    if (!isOurs) {
      site.reporter.line(`Another step has taken what was built ahead (pod ${pod}): it is built now`)
      return {}
    }
    const flaw = await flawOf(site, builder, { ...input, written, isFitting }, signal)
    if (flaw === undefined) {
      opened = undefined
      return { inPlace: standing }
    }
    site.reporter.line(`What was begun ahead (pod ${pod}) ${flaw}: it is built now`)
    await giveUp(site, pod, signal)
    return {}
  } finally {
    opened?.close(new Error('nothing is handed over'))
  }
}

type Written = readonly Buffer[] | undefined

/** What is known of a pod before it is waited for; undefined where it is to be asked again. */
interface Seen {
  readonly written: Written
  readonly isFitting: boolean | undefined
}

/** Undefined while the build goes on, where nothing can be read, and of a log that is too long to be kept. */
async function logOfBuilt(site: Site, { pod, marker }: BuiltInPlace, signal: AbortSignal): Promise<Written> {
  const chunks: Buffer[] = []
  let bytes = 0
  const log = partAt(marker, (chunk) => {
    bytes += chunk.length
    if (bytes <= LOG_BYTES_MAX) chunks.push(chunk)
  })
  const reader = createLogReader(containerIn(site.cluster, pod, STEP_CONTAINER), log.write)
  await within(site.clock, LOG_MS_MAX, (timed) => reader.read(false, timed), signal)
  return log.isPast() && bytes <= LOG_BYTES_MAX ? chunks : undefined
}

/** Why there is nothing to hand over to; undefined once the build has ended well. */
async function flawOf(
  site: Site,
  { definition }: ChosenBuilder,
  { source, standing: { pod, marker }, request, written, isFitting }: TakeInput & Seen,
  signal: AbortSignal
): Promise<string | undefined> {
  if (!(await starts(site, pod, signal))) return 'does not build'
  if (!(isFitting ?? (await hasMounts(site, pod, request, signal)))) return 'has other directories'
  const isBuilt = await inBuildLog(site, source, definition, async ({ write }) => {
    if (written !== undefined) {
      for (const chunk of written) write(chunk)
      return true
    }
    const log = partAt(marker, write)
    const lost = () => new StepError('run-lost', `the pod ${pod} disappeared`)
    const followed = { pod, container: STEP_CONTAINER, lost, write: log.write, isEnough: log.isPast }
    return (await follow(site, followed, signal)) === 'enough'
  })
  return isBuilt ? undefined : 'was not built'
}

/** False once it is over, or has not begun for so long that it may have nobody any more who sees to it. */
async function starts({ cluster, clock }: Site, name: string, signal: AbortSignal): Promise<boolean> {
  const startedAtMs = clock.now()
  for (;;) {
    const pod = await cluster.getPod(name, signal)
    if (isOver(pod)) return false
    const state = pod?.status?.containerStatuses?.find((status) => status.name === STEP_CONTAINER)?.state
    if (state?.running !== undefined) return true
    if (clock.now() - startedAtMs > START_MS_MAX) return false
    await clock.sleep(LOOK_MS, signal)
  }
}

/** Whether the step's directories are those that the pod was made with: on a shared volume a step before may have replaced one. */
async function hasMounts(
  site: Site,
  pod: string,
  { mounts }: TakeInput['request'],
  signal: AbortSignal
): Promise<boolean> {
  if (isCopied(site.storage)) return true
  const { workDirectory } = site.storage
  const ours = await Promise.all(mounts.map(async ({ source }) => String(await inodeOf(workDirectory, source))))
  // A build may have made it another program.
  const said = keepFirst(mounts.length * INODE_BYTES_MAX)
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said.add(chunk)
      done()
    }
  })
  const command = [`${PLACES.busybox}/stat`, '-c', '%i', '--', ...mounts.map(({ target }) => target)]
  const { exitCode } = await execIn(site, { pod, container: STEP_CONTAINER }, { command, stdout }, signal)
  return exitCode === 0 && said.text().trim() === ours.join('\n')
}
