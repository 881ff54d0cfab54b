/** The data that flows through the container-step machine: closed, plain, serialisable. */
import type { ErrorCode } from '../errors.ts'
import type { AnyStageName, Budgets, StageName } from './budgets.ts'
import type { EndingContext } from './ending.ts'
import type { Ledger } from './ledger.ts'

/** A directory of the runner's disk that the step sees at `target` (hook-protocol section 2, Mount). */
export interface Mount {
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

/** One container action to run, as docker would be told: what the runner asked for with its quoting undone. */
export interface StepRequest {
  /** Reference of a prebuilt image; undefined when a Dockerfile is to be built. */
  readonly image?: string | undefined
  /** Absolute, normalised path of the Dockerfile on the runner's disk; its directory is the build context. */
  readonly dockerfile?: string | undefined
  /** Replaces the image's ENTRYPOINT; undefined keeps it. */
  readonly entryPoint?: string | undefined
  /** Exact argument vector: no shell, no expansion. Empty keeps the image's CMD. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDirectory: string
  readonly mounts: readonly Mount[]
}

/** What to build and how it will be called (ADR 0034: one name to push, one to pull). */
export interface BuildPlan {
  /** Absolute path on the runner's disk. */
  readonly contextDirectory: string
  /** Path of the Dockerfile relative to the context. */
  readonly dockerfile: string
  /** 64 hexadecimal digits over everything that can change the image; the tag is their beginning. */
  readonly contentHash: string
  /** `host:port/handle:tag` as pods see the registry. */
  readonly pushReference: string
  /** `host:port/handle` as the kubelet sees it; a digest is added to it. */
  readonly pullRepository: string
}

/** What resolving decided. `creates` lists what each later stage will make, so that the ledger knows before the call. */
export type Resolution = Named &
  (
    | { readonly kind: 'prebuilt'; readonly image: string }
    | { readonly kind: 'cached'; readonly image: string }
    | { readonly kind: 'build'; readonly plan: BuildPlan }
  )

interface Named {
  /** Random hexadecimal digits in the name of everything that is made for this step, so that steps side by side do not meet. */
  readonly nonce: string
  readonly creates: Creates
}

export interface Creates {
  readonly building: Ledger
  readonly pulling: Ledger
}

/** A built image that is in no registry yet. */
export interface BuiltImage {
  /** `sha256:...` of its manifest. */
  readonly digest: string
  /** The build pod that has it; undefined where the engine of this computer does. */
  readonly pod?: string
}

export interface RunResult {
  /** The action's own exit code, 0 to 255. */
  readonly exitCode: number
}

/** A failure as data, for the output, the trace and the log. */
export interface Failure {
  readonly code: ErrorCode
  readonly stage: AnyStageName
  readonly message: string
  readonly detail?: string | undefined
}

export interface StageRecord {
  readonly attempts: number
  /** Milliseconds on the injected clock. */
  readonly startedAtMs: number
  readonly endedAtMs?: number | undefined
  /** Why the last attempt failed that was tried again: a stage that runs out of time says so. */
  readonly lastFailure?: Pick<Failure, 'code' | 'message'> | undefined
}

export interface StepInput {
  readonly request: StepRequest
  readonly budgets: Budgets
  /** Milliseconds of a monotonic clock; injected so that the machine reads none. */
  readonly now: () => number
}

export interface StepContext extends StepInput, EndingContext<StageName> {
  readonly resolution?: Resolution | undefined
  readonly built?: BuiltImage | undefined
  /** What to run: a reference by digest when we built it. */
  readonly image?: string | undefined
}

/** CANCEL is the only order from outside; everything else is an actor's answer. */
export type CancelEvent = { readonly type: 'CANCEL' }

export type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'stuck'

export interface StepOutput {
  readonly outcome: Outcome
  readonly exitCode: number
  readonly image?: string | undefined
  /** Where the image comes from; undefined when that was not decided. */
  readonly imageSource?: Resolution['kind'] | undefined
  readonly failure?: Failure | undefined
  readonly remaining: readonly string[]
  readonly stages: Readonly<Partial<Record<StageName, StageRecord>>>
}
