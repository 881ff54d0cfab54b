/** What the local backend needs from a container engine; docker, podman and buildah each answer in one file. */
import type { StepError } from '../../errors.ts'
import type { Ledger, LedgerEntry } from '../../machines/ledger.ts'
import type { BuildPlan, StepRequest } from '../../machines/types.ts'
import type { Reporter } from '../log/reporter.ts'
import type { CommandResult, Environment, ProcessRunner } from './process.ts'

export const ENGINE_NAMES = ['docker', 'podman', 'buildah'] as const
export type EngineName = (typeof ENGINE_NAMES)[number]

/** Every method rejects with a StepError and is safe to call again after a failure. */
export interface Engine {
  readonly name: EngineName
  readonly version: string
  /** What a step makes besides an image and a container. */
  readonly creates: Ledger
  /** Builds under the plan's push reference, pushing nothing. Returns the image's id, `sha256:...`. */
  build(plan: BuildPlan, signal: AbortSignal): Promise<string>
  push(reference: string, signal: AbortSignal): Promise<void>
  /** Pulls the image and creates the container that will run it. */
  place(image: string, container: string, request: StepRequest, signal: AbortSignal): Promise<void>
  /** Starts the placed container, streams its output and returns the exit code of its process. */
  run(container: string, image: string, request: StepRequest, signal: AbortSignal): Promise<number>
  /** Removes one thing from the engine; one that is gone already is fine. */
  undo(entry: LedgerEntry, signal: AbortSignal): Promise<void>
  /** Builds an image that stays on the computer, unless it is there; for examples that work where no registry can be reached. */
  ensureImage(reference: string, directory: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface EngineDependencies {
  readonly processes: ProcessRunner
  readonly reporter: Reporter
  /** A directory of this backend's own, that is removed with it. */
  readonly directory: string
}

/** An engine that answers, or why it does not: `docker: Cannot connect to the Docker daemon`. */
export type Probe = (dependencies: EngineDependencies, signal: AbortSignal) => Promise<Engine | string>

/** Turns a failed command into its StepError by the engine's table. */
export function must(result: CommandResult, toError: (output: string) => StepError): CommandResult {
  if (result.exitCode === 0) return result
  throw toError(result.tail)
}

/** `docker://alpine` and the like never reach an engine; digests are asked for again, names only when they are missing. */
export const isByDigest = (image: string): boolean => image.includes('@sha256:')

/**
 * The step's variables for the engine's command line: by name only, their values inherited, so that no value is seen in
 * the list of processes. Those that the engine's own program reads as well are places, not secrets, and go by value.
 */
export function environmentArguments(env: Readonly<Record<string, string>>): { args: string[]; env: Environment } {
  const args: string[] = []
  const inherited = new Map<string, string>()
  for (const [name, value] of Object.entries(env)) {
    if (READ_BY_ENGINES.test(name) || value === '') {
      args.push('--env', `${name}=${value}`)
    } else {
      args.push('--env', name)
      inherited.set(name, value)
    }
  }
  return { args, env: Object.fromEntries(inherited) }
}

const READ_BY_ENGINES =
  /^(HOME|PATH|USER|TMPDIR|LD_\w+|XDG_\w+|DOCKER_(HOST|CONTEXT|CONFIG|BUILDKIT|CERT_PATH|TLS\w*)|CONTAINER_(HOST|CONNECTION)|CONTAINERS_\w+|STORAGE_\w+|BUILDAH_\w+|REGISTRY_AUTH_FILE|GO(MAXPROCS|DEBUG|GC|MEMLIMIT|TRACEBACK)|_CONTAINERS_\w+)$/
