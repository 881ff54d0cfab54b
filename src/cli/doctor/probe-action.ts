/** A container action that proves a set-up, run through the hook's own machine and ports, for doctor's last checks. */
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BuilderName } from '../../effects/builders/catalog.ts'
import { keepLast } from '../../effects/capture.ts'
import { createKubernetesPorts } from '../../effects/kubernetes/container-step/backend.ts'
import { forgetUnavailable } from '../../effects/kubernetes/container-step/user-namespace.ts'
import type { Reporter } from '../../effects/log/reporter.ts'
import { type Observer, runContainerStep } from '../../effects/run/wire.ts'
import { timeoutSignal } from '../../effects/system.ts'
import type { StepOutput } from '../../machines/container-step.ts'
import type { StepPorts } from '../../machines/ports.ts'
import { BUDGETS, type Budgets } from '../../machines/stages.ts'
import type { StepRequest } from '../../machines/types.ts'
import { type Facts, placeOf } from './facts.ts'
import { ARCHITECTURES, PROBE_DIRECTORY, PROBE_FILE, PROBE_TEXT, probeProgram } from './probe-program.ts'

/** Somebody waits for the answer: less time than an action gets, and what failed is not tried again for long. */
const PROBE_BUDGETS: Budgets = {
  ...BUDGETS,
  // Twice: nodes without user namespaces are found out by one attempt.
  building: { ...BUDGETS.building, budgetMs: 5 * 60_000, attemptsMax: 2 },
  buildingInPlace: { ...BUDGETS.buildingInPlace, budgetMs: 5 * 60_000, attemptsMax: 2 },
  handingOver: { ...BUDGETS.handingOver, budgetMs: 60_000, attemptsMax: 2 },
  pushing: { ...BUDGETS.pushing, budgetMs: 60_000, attemptsMax: 2 },
  pulling: { ...BUDGETS.pulling, budgetMs: 2 * 60_000, attemptsMax: 1 },
  running: { ...BUDGETS.running, budgetMs: 60_000 },
  collecting: { ...BUDGETS.collecting, budgetMs: 60_000, attemptsMax: 2 }
}
const LOG_BYTES_MAX = 16 * 1024
const LINES_MAX = 100
const FORGET_MS_MAX = 15_000

export interface ProbeEnd {
  readonly output: StepOutput
  /** What the hook would have said, newest last. */
  readonly lines: readonly string[]
  /** Whether the program's line was in the log, and whether its file came back. */
  readonly isLogged: boolean
  readonly isAnswered: boolean
  /** Digest of the image in the registry after cleaning up; undefined when it is gone, as it should be. */
  readonly leftImage: string | undefined
}

export interface ProbeControl {
  readonly observer: Observer
  readonly onCancel: (cancel: () => void) => () => void
}

/** What of the probe is not as the settings and the simplest image have it. */
export interface ProbeVariant {
  readonly builder?: BuilderName
  /** More of the Dockerfile, once the program is in the image. */
  readonly instructions?: readonly string[]
}

/** Builds and runs the program as Dockerfiles are here; where they cannot be built runs a line of shell in the runner's image instead. */
export async function runProbe(
  facts: Facts,
  control: ProbeControl,
  signal: AbortSignal,
  { builder, instructions = [] }: ProbeVariant = {}
): Promise<ProbeEnd> {
  const given = facts.config()
  const config = { ...given, builder: builder ?? given.builder }
  const id = facts.deps.randomHex(8)
  const disk = await makeDirectories(config.paths.runnerTemp, id)
  const log = keepLast(LOG_BYTES_MAX)
  const lines: string[] = []
  const reporter: Reporter = { ...facts.deps.reporter, ...noting(lines), output: (chunk) => log.add(chunk) }
  let pushReference: string | undefined
  const site = await facts.site(signal)
  try {
    // What an earlier build of this runner has found out may have been put right since.
    await forgetUnavailable(site, signal)
    const request = {
      ...(placeOf(facts) === 'nowhere'
        ? await shellRequest(facts, signal)
        : { dockerfile: await writeContext(disk.context, id, instructions), args: [] }),
      env: {},
      workingDirectory: PROBE_DIRECTORY,
      mounts: [{ source: disk.answer, target: PROBE_DIRECTORY, readOnly: false }]
    }
    const ports = createKubernetesPorts(config, { ...facts.deps, reporter })
    const output = await runContainerStep({
      request,
      ports: notingImage(ports, (reference) => {
        pushReference = reference
      }),
      budgets: PROBE_BUDGETS,
      observers: [control.observer],
      onCancel: control.onCancel
    })
    return {
      output,
      lines,
      isLogged: log.text().includes(PROBE_TEXT.trim()),
      isAnswered: (await readFile(join(disk.answer, PROBE_FILE), 'utf8').catch(() => '')) === PROBE_TEXT,
      leftImage: await removeImage(facts, pushReference, signal)
    }
  } finally {
    await forgetUnavailable(site, timeoutSignal(FORGET_MS_MAX)).catch(() => {})
    await disk.remove()
  }
}

interface Disk {
  readonly context: string
  readonly answer: string
  remove(): Promise<void>
}

/** Below the runner's temporary directory, which all storage modes can reach. */
async function makeDirectories(runnerTemp: string, id: string): Promise<Disk> {
  const top = join(runnerTemp, `_slipway_doctor_${id}`)
  const [context, answer] = [join(top, 'context'), join(top, 'answer')]
  const firstMade = (await mkdir(context, { recursive: true })) ?? top
  await mkdir(answer)
  return {
    context,
    answer,
    async remove() {
      await rm(top, { recursive: true, force: true })
      // Directories above that were made here too, unless somebody has put something there meanwhile.
      for (let path = dirname(top); path.length >= firstMade.length; path = dirname(path)) {
        await rmdir(path).catch(() => {})
      }
    }
  }
}

/** `id` makes the image a new one, so that no node has it. TARGETARCH is the build node's, whatever this one is. */
async function writeContext(directory: string, id: string, more: readonly string[]): Promise<string> {
  const instructions = [
    'FROM scratch',
    'ARG TARGETARCH',
    `LABEL slipway.doctor=${id}`,
    'COPY program-$TARGETARCH /program',
    ...more,
    'ENTRYPOINT ["/program"]'
  ]
  for (const architecture of ARCHITECTURES) {
    await writeFile(join(directory, `program-${architecture}`), probeProgram(architecture), { mode: 0o755 })
  }
  const dockerfile = join(directory, 'Dockerfile')
  await writeFile(dockerfile, `${instructions.join('\n')}\n`)
  return dockerfile
}

async function shellRequest(
  facts: Facts,
  signal: AbortSignal
): Promise<Pick<StepRequest, 'image' | 'entryPoint' | 'args'>> {
  const { runnerImage } = await facts.site(signal)
  const script = `echo '${PROBE_TEXT.trim()}' | tee ${PROBE_DIRECTORY}/${PROBE_FILE}`
  return { image: runnerImage, entryPoint: 'sh', args: ['-c', script] }
}

function noting(lines: string[]): Pick<Reporter, 'line' | 'aside' | 'error' | 'warning'> {
  const line = (text: string) => {
    lines.push(text)
    if (lines.length > LINES_MAX) lines.shift()
  }
  return { line, aside: line, error: line, warning: line }
}

/** The same ports, which also tell what will be pushed. */
function notingImage(ports: StepPorts, tell: (reference: string) => void): StepPorts {
  return {
    ...ports,
    resolver: {
      async resolve(request, signal) {
        const resolution = await ports.resolver.resolve(request, signal)
        if (resolution.kind === 'build') tell(resolution.plan.pushReference)
        return resolution
      }
    }
  }
}

/** In a job with a job pod, images stay until the job ends; this one is of no use to it. */
async function removeImage(
  facts: Facts,
  reference: string | undefined,
  signal: AbortSignal
): Promise<string | undefined> {
  if (reference === undefined || signal.aborted) return undefined
  try {
    const registry = await facts.registry(signal)
    await registry?.remove(reference, signal)
    return await registry?.digestOf(reference, signal)
  } catch {
    // Cleaning up has said why already, or the registry never answered.
    return undefined
  }
}
