/** Builds a case where it runs, and runs an image of the reference's the way the hook does, for what the two actions see. */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { ERROR_CODES, type ErrorCode, toStepError } from '../../../src/errors.ts'
import type { Resolution, StepRequest } from '../../../src/machines/types.ts'
import { IMAGES, REGISTRY_NODE_PORT } from '../../cluster/support/images.ts'
import { kubectl } from '../../cluster/support/kubectl.ts'
import { kubernetesBackend } from '../../cluster/support/kubernetes-backend.ts'
import { type RunnerPod, volumeDirectory } from '../../cluster/support/runner-pod.ts'
import { never, type OpenBackend, withBackend } from '../../contract/backend.ts'
import { toCleanUp, toResolve, toRun } from '../../support/port-inputs.ts'
import type { ParityCase } from '../case.ts'
import { LIST, treeOfListing } from '../image/listing.ts'
import type { Tree } from '../image/tree.ts'
import type { Bench } from './bench.ts'
import { writeContext } from './context.ts'
import { BUSYBOX, SEEN, stepIn } from './probe.ts'

export type Ran =
  | {
      readonly kind: 'ran'
      readonly exitCode: number
      /** Of the action. */
      readonly log: string
      /** Undefined where nobody looked. */
      readonly tree: Tree | undefined
    }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }

const STEP_MS_MAX = 120_000
const JOB = 'job'
const BUILDERS_BUSYBOX = '/busybox/busybox'
const IN_PLACE = { builderImage: IMAGES.kaniko, inPlaceImage: IMAGES.kanikoDebug, buildMode: 'in-place' } as const

export interface Place {
  readonly bench: Bench
  readonly runner: RunnerPod
  /** A static one, to look with. */
  readonly busybox: Uint8Array
}

/** In storage mode volume the claim's directory is on this computer: the node is, too. */
const workDirectoryOf = ({ bench, runner }: Place) =>
  runner.mode === 'volume' ? volumeDirectory(runner.name) : bench.workDirectory

/** `isProbe`: the action is a probe, which is looked at; else the image's own program, and its files are looked at before it starts. */
export async function runInPlace(place: Place, given: ParityCase, isProbe: boolean): Promise<Ran> {
  const directory = await mkdtemp(join(workDirectoryOf(place), 'case-'))
  await writeContext(join(directory, 'action'), given, place.bench.bases)
  const step = await stepIn(directory, isProbe ? place.busybox : undefined, true)
  return await withStep(
    place,
    { ...step, dockerfile: join(directory, 'action', 'Dockerfile') },
    async (open, started, signal) => {
      const { ports, log } = open
      if (started.kind !== 'in-place') throw new Error(`resolved to ${started.kind}, not to a build in place`)
      const { source, nonce } = started
      const built = await ports.inPlace.buildInPlace({ source, nonce, attempt: 1, request: step }, signal)
      const before = isProbe ? undefined : await list(place, built.pod, BUILDERS_BUSYBOX)
      const { inPlace, copiedIn } = await ports.inPlace.handOver({ request: step, nonce, built }, signal)
      const start = log().length
      const [{ exitCode }, tree] = await Promise.all([
        ports.runner.run({ request: step, nonce, inPlace }, signal),
        isProbe ? lookInto(place, built.pod) : before
      ])
      await ports.workspace.collect({ request: step, nonce, inPlace, copiedIn }, signal)
      return { kind: 'ran', exitCode, log: log().slice(start), tree }
    }
  )
}

/** `name`: of the image in the registry. */
export async function runImage(place: Place, name: string, isProbe: boolean): Promise<Ran> {
  const directory = await mkdtemp(join(workDirectoryOf(place), 'image-'))
  const step = await stepIn(directory, isProbe ? place.busybox : undefined)
  const image = `localhost:${REGISTRY_NODE_PORT}/${name}`
  return await withStep(place, { ...step, image }, async ({ ports, log }, resolution, signal) => {
    const input = toRun(image, step, resolution)
    const copiedIn = await ports.runner.pull(input, signal)
    const before = log().length
    const { exitCode } = await ports.runner.run(input, signal)
    await ports.workspace.collect({ ...input, copiedIn }, signal)
    return { kind: 'ran', exitCode, log: log().slice(before), tree: undefined }
  })
}

/** What may heal by itself says nothing about the Dockerfile: the test fails, and vitest tries it once more. */
const isOfTheCluster = (code: ErrorCode) => code === 'internal' || ERROR_CODES[code].retryable

type Work = (open: OpenBackend, resolution: Resolution, signal: AbortSignal) => Promise<Ran>

async function withStep(place: Place, step: StepRequest, work: Work): Promise<Ran> {
  const { bench, runner } = place
  const ending = AbortSignal.timeout(STEP_MS_MAX)
  const backend = kubernetesBackend(runner, bench.registry, workDirectoryOf(place), IN_PLACE)
  return await withBackend(backend, async (open) => {
    try {
      const resolution = await open.ports.resolver.resolve(toResolve(step), ending)
      try {
        return await work(open, resolution, ending)
      } finally {
        const { building = [], buildingInPlace = [], pulling = [] } = resolution.creates
        await open.ports.janitor.cleanUp(toCleanUp([...building, ...buildingInPlace, ...pulling]), never)
      }
    } catch (thrown) {
      const { code, message } = toStepError(thrown)
      if (isOfTheCluster(code)) throw thrown
      return { kind: 'refused', code, message }
    }
  })
}

const inPod = ({ runner }: Place, pod: string) => ['exec', '-n', runner.namespace, pod, '-c', JOB, '--']

/** As root of the container. */
async function list(place: Place, pod: string, busybox: string): Promise<Tree> {
  const { stdout } = await kubectl([...inPod(place, pod), busybox, 'sh', '-c', LIST, 'sh', busybox])
  return treeOfListing(stdout)
}

/** While the action waits for it. */
async function lookInto(place: Place, pod: string): Promise<Tree> {
  const tree = await list(place, pod, BUSYBOX)
  await kubectl([...inPod(place, pod), BUSYBOX, 'touch', SEEN])
  return tree
}
