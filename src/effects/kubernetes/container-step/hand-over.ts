/**
 * Hands a step over to the container in which its action was built in place, for the backend of its ports: files and environment arrive
 * only now, and what the build was given is gone before anything starts (docs/adr/0021).
 */
import { Readable, Writable } from 'node:stream'
import { type ErrorCode, StepError } from '../../../errors.ts'
import type { HandOverInput } from '../../../machines/inputs.ts'
import type { HandedOver } from '../../../machines/types.ts'
import { firstLine } from '../../failure-table.ts'
import { HANDED_OVER, handOverScript } from '../../in-place/hand-over-script.ts'
import { processOf } from '../../in-place/process.ts'
import { BUILT_BYTES_MAX, lengthOfBuilt, parseBuilt } from '../../in-place/read-built.ts'
import { PLACES } from '../../in-place/scripts.ts'
import { startScript } from '../../in-place/start-script.ts'
import { retry } from '../../retry.ts'
import { openForEveryUser } from '../../work-tree/rights.ts'
import { ExecRefused, isWithoutProgram, KILLED_EXIT_CODE } from '../api/exec.ts'
import type { Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { CONTEXT_ROOT } from '../files/containers.ts'
import { execIn } from '../files/reach.ts'
import { FILES_CONTAINER } from '../names.ts'
import { STEP_CONTAINER } from '../specs/step-pod.ts'

const SHELL = `${PLACES.busybox}/sh`
/** More than a time has. */
const SAID_BYTES_MAX = 100
/** As a node's clock is printed. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m
/** With a connection on which nothing moves; files that take longer are waited for without one. */
const WAIT_MS_MAX = 20_000

/**
 * Safe to call again: the container takes what to run once. `typedTo`: the pods to which that was sent. They may have taken it although
 * the connection was lost, so that their end is the action's.
 */
export async function handOverTo(
  site: Site,
  typedTo: Set<string>,
  { request, built }: HandOverInput,
  signal: AbortSignal
): Promise<HandedOver> {
  const { pod } = built
  const lost = () => new StepError('run-lost', `the pod ${pod} disappeared: somebody deleted it, or its node is gone`)
  const written = request.mounts.filter(({ readOnly }) => !readOnly).map(({ source }) => source)
  await openForEveryUser(site.storage.workDirectory, written)
  const placed = Promise.all([
    chooseTransfer(site).copyInStep({ pod, lost }, request.mounts, signal),
    clear(site, pod, 'workspace-delivery-failed', signal)
  ])
  const scriptFor = (root: Buffer) => startScript(processOf(parseBuilt(root), request, pod))
  const [[copiedIn], since] = await Promise.all([placed, start(site, pod, { placed, scriptFor, typedTo }, signal)])
  return { copiedIn, inPlace: { ...built, since } }
}

/** The action is not to find what the build alone was given. */
export async function clear(site: Site, pod: string, failure: ErrorCode, signal: AbortSignal): Promise<void> {
  const command = ['find', CONTEXT_ROOT, '-mindepth', '2', '-delete']
  const find = () => execIn(site, { pod, container: FILES_CONTAINER }, { command }, signal).catch(unreachable)
  const { exitCode, stderr } = await again(site, find, signal)
  if (exitCode === 0) return
  throw new StepError(failure, `what the build was given was not removed: ${firstLine(stderr)}`, {
    detail: stderr
  })
}

interface Order {
  /** Nothing starts before; rejects when nothing may start. */
  readonly placed: Promise<unknown>
  /** Throws where what was built cannot be started. */
  readonly scriptFor: (root: Buffer) => string
  readonly typedTo: Set<string>
}

/** Resolves with the node's time before the build said that it was over: the log is read from there on. Empty where it is not known. */
async function start(site: Site, pod: string, order: Order, signal: AbortSignal): Promise<string> {
  const { placed, scriptFor, typedTo } = order
  const typing = (orderFor: OrderFor) => again(site, () => tell(site, pod, { orderFor, typedTo }, signal), signal)
  const soon = await typing(async (root) => ((await isInTime(site, placed, signal)) ? scriptFor(root) : undefined))
  if (soon !== undefined) return soon
  await placed
  return (await typing(async (root) => scriptFor(root))) ?? ''
}

/** A lost connection is made again here: both what is asked and what is typed may be repeated. */
const again = <T>({ clock, reporter }: Site, work: () => Promise<T>, signal: AbortSignal): Promise<T> =>
  retry('apiCall', work, {
    clock,
    signal,
    mayHeal: (error) => error instanceof StepError && error.code === 'cluster-unreachable',
    say: ({ message }) => reporter.line(`Kubernetes API: ${message}, trying again`)
  })

async function isInTime({ clock }: Site, placed: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const stop = new AbortController()
  const late = clock.sleep(WAIT_MS_MAX, AbortSignal.any([signal, stop.signal]))
  try {
    return await Promise.race([placed.then(() => true), late.then(() => false)])
  } finally {
    stop.abort()
  }
}

type OrderFor = (root: Buffer) => Promise<string | undefined>

/**
 * Hears what was built, and types what `orderFor` makes of it, over one connection. Undefined where that is nothing, and nothing was
 * started. Without a shell, an attempt before has handed over, and its answer was lost.
 */
async function tell(
  site: Site,
  pod: string,
  { orderFor, typedTo }: { readonly orderFor: OrderFor; readonly typedTo: Set<string> },
  signal: AbortSignal
): Promise<string | undefined> {
  const { stdout, root, said } = listen()
  const time = () => TIME.exec(said())?.[0]
  const order = root.then((told) => (told.toString('latin1') === `${HANDED_OVER}\n` ? '' : orderFor(told)))
  // Whoever asks for it below hears why there is none.
  order.catch(() => {})
  async function* typed() {
    const script = await order.catch(() => undefined)
    if (!script) return
    typedTo.add(pod)
    yield Buffer.from(`${Buffer.byteLength(script)}\n${script}`)
  }
  const request = { command: [SHELL, '-ec', handOverScript()], stdin: Readable.from(typed()), stdout }
  const answer = await execIn(site, { pod, container: STEP_CONTAINER }, request, signal).catch((error: unknown) => {
    if (isWithoutProgram(error, SHELL)) return undefined
    // Its end is told by whoever follows it.
    if (typedTo.has(pod) && error instanceof StepError && error.code !== 'cluster-unreachable') return undefined
    if (time() === undefined || signal.aborted) return unreachable(error)
    return undefined
  })
  // It was started and may be over already, and what handed it over has ended with its container.
  if (answer === undefined || (answer.exitCode !== 0 && time() !== undefined)) return time() ?? ''
  if (answer.exitCode !== 0) throw badEnd(answer, typedTo.has(pod))
  return (await order) === undefined ? undefined : (time() ?? '')
}

function badEnd({ exitCode, stderr }: { exitCode: number; stderr: string }, isTyped: boolean): StepError {
  // It may have been killed with its container, whose action is over: who asks again is told.
  if (isTyped && exitCode === KILLED_EXIT_CODE)
    return new StepError('cluster-unreachable', 'what hands over was killed')
  const what = isTyped ? 'the action cannot be started' : 'what was built cannot be read'
  return new StepError('start-failed', `${what}: ${firstLine(stderr) || `exit code ${exitCode}`}`, { detail: stderr })
}

/** Of what a container says, which a build may have made say anything: what was built, and what comes after it. */
function listen(): { readonly stdout: Writable; readonly root: Promise<Buffer>; said(): string } {
  const chunks: Buffer[] = []
  let bytes = 0
  let length: number | undefined
  let tellRoot = () => {}
  const root = new Promise<Buffer>((resolve) => {
    tellRoot = () => resolve(Buffer.concat(chunks).subarray(0, length))
  })
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (bytes < BUILT_BYTES_MAX + SAID_BYTES_MAX) chunks.push(chunk)
      bytes += chunk.length
      length ??= lengthOfBuilt(Buffer.concat(chunks))
      if (length !== undefined && bytes >= length) tellRoot()
      done()
    },
    final(done) {
      tellRoot()
      done()
    }
  })
  const said = () => {
    const after = length ?? bytes
    return Buffer.concat(chunks).toString('latin1', after, after + SAID_BYTES_MAX)
  }
  return { stdout, root, said }
}

function unreachable(error: unknown): never {
  if (!(error instanceof ExecRefused)) throw error
  throw new StepError('cluster-unreachable', `the action's container was not reached: ${error.message}`, {
    cause: error
  })
}
