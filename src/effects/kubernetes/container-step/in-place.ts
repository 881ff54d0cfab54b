/**
 * Builds in the very container that the action will run in, and hands the step over to it, for steps without a registry: the
 * container's log says when nothing of the build runs any more, and only then environment and files are sent (docs/adr/0021).
 */
import { Readable, Writable } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import { type ErrorCode, StepError } from '../../../errors.ts'
import type { BuildInPlaceInput, HandOverInput } from '../../../machines/inputs.ts'
import type { InPlaceBuilder } from '../../../machines/ports.ts'
import type { BuildSource, BuiltInPlace, HandedOver } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
import { firstLine } from '../../failure-table.ts'
import { partAt } from '../../in-place/marker.ts'
import { processOf } from '../../in-place/process.ts'
import { BUILT_BYTES_MAX, parseBuilt, readBuiltScript } from '../../in-place/read-built.ts'
import { handOverScript, PLACES } from '../../in-place/scripts.ts'
import { startScript } from '../../in-place/start-script.ts'
import { openForEveryUser } from '../../work-tree/rights.ts'
import { ExecRefused, isWithoutProgram } from '../api/exec.ts'
import type { Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { CONTEXT_NAME, CONTEXT_ROOT, contextFirst, LOGIN_NAME } from '../files/containers.ts'
import { copyInContext } from '../files/context.ts'
import { execIn } from '../files/reach.ts'
import { fromMemory, type Source } from '../files/sources.ts'
import { FILES_CONTAINER } from '../names.ts'
import { createJudge } from '../pods/status.ts'
import { follow, waitForPod } from '../pods/wait.ts'
import { inPlacePod } from '../specs/in-place-pod.ts'
import { STEP_CONTAINER } from '../specs/step-pod.ts'
import type { PodParts } from '../specs/user-namespace.ts'
import { type AttemptedPod, attemptBuild, plannedBuilder } from './attempt.ts'
import { inBuildLog } from './build-log.ts'
import { buildHasStarted, throwBuildError } from './build-outcome.ts'
import { standingAnnotations } from './standing.ts'
import { takeStanding } from './taking.ts'

const MARKER_DIGITS = 32
const SHELL = `${PLACES.busybox}/sh`
const { directory: DIRECTORY } = PLACES
const READ_BUILT = `set -- "$(${PLACES.busybox}/cat ${DIRECTORY}/digest)"\n${readBuiltScript()}`
/** More than a time has. */
const SAID_MAX = 100
/** As a node's clock is printed. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m

export interface InPlaceOptions {
  /** Of which the source names one. */
  readonly builders: readonly ChosenBuilder[]
  readonly randomHex: (length: number) => string
  /** Name and version of what builds, part of a build's hash. */
  readonly identityOf: (builder: ChosenBuilder, rewritten: BuildSource['rewritten']) => string
}

export function createInPlaceBuilder(site: Site, options: InPlaceOptions): InPlaceBuilder {
  return {
    async buildInPlace(input, signal) {
      const builder = plannedBuilder(options.builders, input.source)
      const marker = `slipway: built ${options.randomHex(MARKER_DIGITS)}`
      const podWith = (userNamespace: PodParts) => podOf(site, builder, input, { marker, userNamespace })
      const identity = options.identityOf(builder, input.source.rewritten)
      const work = (pod: AttemptedPod, toWork: AbortSignal) =>
        buildIn(site, { builder, source: input.source, identity, marker, ...pod }, toWork)
      return await attemptBuild(site, input, { kind: 'step', podWith, work }, signal)
    },
    take: (input, signal) => takeStanding(site, plannedBuilder(options.builders, input.source), input, signal),
    handOver: (input, signal) => handOverTo(site, input, signal)
  }
}

function podOf(
  site: Site,
  { definition, inPlaceImage: image = '', mirrors }: ChosenBuilder,
  input: BuildInPlaceInput,
  parts: { readonly marker: string; readonly userNamespace: PodParts }
): V1Pod {
  if (definition.inPlace === undefined) throw new StepError('internal', `${definition.name} does not build in place`)
  if (sharesProcesses(site)) {
    throw new StepError(
      'not-supported',
      'the pod template has shareProcessNamespace, with which a build in place could not end what it has left running: take it out for steps, or set a registry'
    )
  }
  const files = { step: chooseTransfer(site).stepPod, context: contextFirst(site) }
  const isAhead = site.aheadFor !== undefined
  const annotations = isAhead ? standingAnnotations(site, input.request, parts.marker) : undefined
  return inPlacePod(site, files, { definition: definition.inPlace, image, mirrors }, input, { ...parts, annotations })
}

const sharesProcesses = ({ template }: Site): boolean =>
  [template?.extension.spec, template?.step.spec].some((spec) => spec?.shareProcessNamespace === true)

interface Building extends AttemptedPod {
  readonly builder: ChosenBuilder
  readonly source: BuildSource
  readonly identity: string
  readonly marker: string
}

/** From a pod that was just made to a container that is what was built. */
async function buildIn(
  site: Site,
  { builder: { definition, inPlaceImage = '' }, source, identity, marker, pod, lost, hasStarted }: Building,
  signal: AbortSignal
): Promise<BuiltInPlace> {
  const others = await loginOf(site, signal)
  const context = { plan: source, identity, name: CONTEXT_NAME, root: CONTEXT_ROOT, container: FILES_CONTAINER, others }
  await copyInContext(site, { pod, lost }, context, signal).catch(throwBuildError)
  const judge = createJudge(site.clock)
  const check = (current: V1Pod) =>
    buildHasStarted(judge(current, STEP_CONTAINER), inPlaceImage, STEP_CONTAINER, 'IN_PLACE_IMAGE')
  await waitForPod(site, pod, check, lost, signal)
  await hasStarted()
  return await inBuildLog(site, source, definition, async ({ write, failure }) => {
    const log = partAt(marker, write)
    const followed = { pod, container: STEP_CONTAINER, lost, write: log.write, isEnough: log.isPast }
    const ended = await follow(site, followed, signal).catch(throwBuildError)
    if (ended !== 'enough') throw namingImage(failure(ended), inPlaceImage)
    if (others.length > 0) await clear(site, pod, 'context-delivery-failed', signal)
    return { pod, marker }
  })
}

/** What opens the registries of images in FROM, sent with the context; nothing where no Secret is configured. */
async function loginOf(site: Site, signal: AbortSignal): Promise<readonly Source[]> {
  if (site.baseImageSecret === undefined) return []
  const { readBaseImageConfig } = await import('../registry/credentials.ts')
  const config = await readBaseImageConfig(site, site.baseImageSecret, signal)
  return config === undefined ? [] : [fromMemory(`${LOGIN_NAME}/config.json`, Buffer.from(config, 'utf8'))]
}

/** A container that does not start before anything was built has another image than it needs. */
function namingImage(error: StepError, image: string): StepError {
  if (error.code !== 'start-failed') return error
  const setting =
    'set ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_IMAGE to an image of the builder with a shell in /busybox'
  return new StepError(error.code, `${image} does not build in place: ${error.message}; ${setting}`, {
    detail: error.detail,
    cause: error
  })
}

/** Safe to call again: the container takes what to run once. */
async function handOverTo(site: Site, { request, built }: HandOverInput, signal: AbortSignal): Promise<HandedOver> {
  const { pod } = built
  const lost = () => new StepError('run-lost', `the pod ${pod} disappeared: somebody deleted it, or its node is gone`)
  const written = request.mounts.filter(({ readOnly }) => !readOnly).map(({ source }) => source)
  await openForEveryUser(site.storage.workDirectory, written)
  const [copiedIn, root] = await Promise.all([
    chooseTransfer(site).copyInStep({ pod, lost }, request.mounts, signal),
    readRoot(site, pod, signal),
    clear(site, pod, 'workspace-delivery-failed', signal)
  ])
  // No shell: an attempt before has handed over, and its answer was lost.
  const since =
    root === undefined ? '' : await start(site, pod, startScript(processOf(parseBuilt(root), request, pod)), signal)
  return { copiedIn, inPlace: { ...built, since } }
}

/** What was built, as far as it decides what to start. */
async function readRoot(site: Site, pod: string, signal: AbortSignal): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  const hear = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= BUILT_BYTES_MAX) chunks.push(chunk)
  }
  const question = { command: [SHELL, '-c', READ_BUILT, 'sh'], hear, what: 'what was built cannot be read' }
  return (await ask(site, pod, question, signal)) ? Buffer.concat(chunks) : undefined
}

/** Resolves with the node's time before the build said that it was over: the log is read from there on. */
async function start(site: Site, pod: string, script: string, signal: AbortSignal): Promise<string> {
  const command = [SHELL, '-ec', handOverScript(), 'sh', String(Buffer.byteLength(script))]
  let said = ''
  const hear = (chunk: Buffer) => {
    said = (said + chunk.toString('latin1')).slice(0, SAID_MAX)
  }
  const time = () => TIME.exec(said)?.[0]
  try {
    await ask(site, pod, { command, stdin: script, hear, what: 'the action cannot be started' }, signal)
    return time() ?? ''
  } catch (error) {
    // It was started and is over already, and what handed it over has ended with its container.
    const startedAt = time()
    if (startedAt === undefined || signal.aborted) throw error
    return startedAt
  }
}

/** The action is not to find what the build alone was given. */
async function clear(site: Site, pod: string, failure: ErrorCode, signal: AbortSignal): Promise<void> {
  const command = ['find', CONTEXT_ROOT, '-mindepth', '2', '-delete']
  const { exitCode, stderr } = await execIn(site, { pod, container: FILES_CONTAINER }, { command }, signal).catch(
    unreachable
  )
  if (exitCode === 0) return
  throw new StepError(failure, `what the build was given was not removed: ${firstLine(stderr)}`, {
    detail: stderr
  })
}

interface Question {
  readonly command: readonly string[]
  readonly stdin?: string
  /** Told of what it prints. */
  readonly hear: (chunk: Buffer) => void
  /** What it means that it ends badly. */
  readonly what: string
}

/** Runs a command in the action's container; false without a shell. Rejects with the command's own words where it ends badly. */
async function ask(
  site: Site,
  pod: string,
  { command, stdin, hear, what }: Question,
  signal: AbortSignal
): Promise<boolean> {
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      hear(chunk)
      done()
    }
  })
  const request = { command, stdout, ...(stdin !== undefined && { stdin: Readable.from([Buffer.from(stdin)]) }) }
  const answer = await execIn(site, { pod, container: STEP_CONTAINER }, request, signal).catch((error: unknown) =>
    isWithoutProgram(error, SHELL) ? undefined : unreachable(error)
  )
  if (answer === undefined) return false
  const { exitCode, stderr } = answer
  if (exitCode === 0) return true
  throw new StepError('start-failed', `${what}: ${firstLine(stderr) || `exit code ${exitCode}`}`, { detail: stderr })
}

function unreachable(error: unknown): never {
  if (!(error instanceof ExecRefused)) throw error
  throw new StepError('cluster-unreachable', `the action's container was not reached: ${error.message}`, {
    cause: error
  })
}
