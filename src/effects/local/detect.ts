/** Finds the engine that really answers on this computer, for the local backend. */
import { StepError, toStepError } from '../../errors.ts'
import { probeBuildah } from './buildah.ts'
import { probeDocker } from './docker.ts'
import { ENGINE_NAMES, type Engine, type EngineDependencies, type EngineName, type Probe } from './engine.ts'
import { probePodman } from './podman.ts'

const PROBES: Readonly<Record<EngineName, Probe>> = { docker: probeDocker, podman: probePodman, buildah: probeBuildah }

/**
 * The first engine that answers, or the wanted one. Each is really asked: a docker command without its daemon is absent.
 * Rejects with `engine-missing`, saying what each of them answered.
 */
export async function detectEngine(
  wanted: EngineName | undefined,
  dependencies: EngineDependencies,
  signal: AbortSignal
): Promise<Engine> {
  const refusals: string[] = []
  for (const name of wanted === undefined ? ENGINE_NAMES : [wanted]) {
    const answer = await PROBES[name](dependencies, signal).catch((thrown: unknown) => refusalOf(thrown))
    if (typeof answer !== 'string') return answer
    refusals.push(`${name}: ${answer}`)
  }
  const message =
    wanted === undefined
      ? 'No container engine answers; install docker, podman or buildah (Debian: apt-get install buildah)'
      : `The container engine ${wanted} does not answer; leave the choice to Slipway, or make it answer`
  throw new StepError('engine-missing', message, { detail: refusals.join('\n') })
}

function refusalOf(thrown: unknown): string {
  const error = toStepError(thrown)
  if (error.code !== 'engine-missing') throw error
  return error.message
}
