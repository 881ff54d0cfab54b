/**
 * Hands a step over to the container in which its action was built in place, for the backend of its ports: files and environment arrive
 * only now, and what the build was given is gone before anything starts (docs/adr/0021).
 */
import { type ErrorCode, StepError } from '../../../errors.ts'
import type { HandOverInput } from '../../../machines/inputs.ts'
import type { HandedOver } from '../../../machines/types.ts'
import { firstLine } from '../../failure-table.ts'
import { endWords } from '../../in-place/end.ts'
import { HANDED_OVER } from '../../in-place/hand-over-script.ts'
import { processOf } from '../../in-place/process.ts'
import { parseBuilt } from '../../in-place/read-built.ts'
import { startScript } from '../../in-place/start-script.ts'
import { retry } from '../../retry.ts'
import { openForEveryUser } from '../../work-tree/rights.ts'
import { ExecRefused, isWithoutProgram, KILLED_EXIT_CODE } from '../api/exec.ts'
import type { Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { CONTEXT_ROOT } from '../files/containers.ts'
import { execIn } from '../files/reach.ts'
import { FILES_CONTAINER } from '../names.ts'
import { openTelling, SHELL, type Telling } from './telling.ts'

/** As a node's clock is printed. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m
/** With a connection on which nothing moves; files that take longer are waited for without one. */
const WAIT_MS_MAX = 20_000

/** How steps are handed over, and what is remembered of the pods that they are handed over to. */
export interface HandOvers {
  /** Whether a process of ours stays before the action, and says in its log how it ended. */
  readonly hasInit?: boolean | undefined
  /** Those to which what to run was sent. They may have taken it although the connection was lost, so that their end is the action's. */
  readonly typedTo: Set<string>
  /** Connections that were opened early, each for the first who needs it. */
  readonly opened: Map<string, Telling>
}

/** Safe to call again: the container takes what to run once. */
export async function handOverTo(
  site: Site,
  handOvers: HandOvers,
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
  const end = handOvers.hasInit ? endWords(built.marker) : undefined
  const scriptFor = (root: Buffer) => startScript(processOf(parseBuilt(root), request, pod), { end })
  const [[copiedIn], since] = await Promise.all([placed, start(site, pod, { placed, scriptFor, handOvers }, signal)])
  return { copiedIn, inPlace: { ...built, since, end } }
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
  readonly handOvers: HandOvers
}

/** Resolves with the node's time before the build said that it was over: the log is read from there on. Empty where it is not known. */
async function start(site: Site, pod: string, order: Order, signal: AbortSignal): Promise<string> {
  const { placed, scriptFor, handOvers } = order
  const { typedTo, opened } = handOvers
  const typeOnce = (orderFor: OrderFor) => {
    const telling = opened.get(pod) ?? openTelling(site, pod)
    opened.delete(pod)
    return tell(telling, pod, { orderFor, typedTo }, signal)
  }
  const typing = (orderFor: OrderFor) => again(site, () => typeOnce(orderFor), signal)
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
  telling: Telling,
  pod: string,
  { orderFor, typedTo }: { readonly orderFor: OrderFor; readonly typedTo: Set<string> },
  signal: AbortSignal
): Promise<string | undefined> {
  const time = () => TIME.exec(telling.said())?.[0]
  const order = telling.root.then(async (told) => {
    const script = told.toString('latin1') === `${HANDED_OVER}\n` ? '' : await orderFor(told)
    if (script) typedTo.add(pod)
    return script
  })
  telling.type(order)
  const close = () => telling.close(signal.reason)
  if (signal.aborted) close()
  signal.addEventListener('abort', close, { once: true })
  const answer = await telling.answer
    .catch((error: unknown) => {
      if (isWithoutProgram(error, SHELL)) return undefined
      // Its end is told by whoever follows it.
      if (typedTo.has(pod) && error instanceof StepError && error.code !== 'cluster-unreachable') return undefined
      if (time() === undefined || signal.aborted) return unreachable(error)
      return undefined
    })
    .finally(() => signal.removeEventListener('abort', close))
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

function unreachable(error: unknown): never {
  if (!(error instanceof ExecRefused)) throw error
  throw new StepError('cluster-unreachable', `the action's container was not reached: ${error.message}`, {
    cause: error
  })
}
