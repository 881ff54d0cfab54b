/** What actors of the machines are told, as plain data: with it, a port has to remember nothing between two calls. And what they tell. */
import type { ErrorCode, StepError } from '../errors.ts'
import type { Ledger } from './ledger.ts'
import type {
  BuildAhead,
  BuildPlan,
  BuildSource,
  BuiltImage,
  BuiltInPlace,
  CopiedIn,
  InPlace,
  JobRequest,
  JobStart,
  StepRequest
} from './types.ts'

export interface ResolveInput {
  readonly request: StepRequest
  /** How often a build may be attempted: each attempt needs a name of its own in the ledger. */
  readonly buildAttemptsMax: number
}

/** Which attempt at a build it is. */
export interface BuildAttempt {
  readonly nonce: string
  /** From 1. */
  readonly attempt: number
  /** What the attempt before has failed with; undefined for the first. */
  readonly failedWith?: ErrorCode | undefined
}

export interface BuildInput extends BuildAttempt {
  readonly plan: BuildPlan
  /** How often the image will be pushed at most, the first time included. */
  readonly pushTriesMax: number
  /** So long after its start nobody waits any more for a build, or for the push of its image: of one whose hook is gone, for example. */
  readonly deadlineMs: number
}

/** A build ahead of the same content. */
export interface JoinInput {
  readonly plan: BuildPlan
  readonly building: BuildAhead
}

export interface PushInput {
  readonly plan: BuildPlan
  readonly built: BuiltImage
  readonly tries: Tries
}

/** Enough to plan a job again exactly as it was resolved. */
export interface JobInput {
  readonly request: JobRequest
  readonly nonce: string
}

export interface PlaceInput extends JobInput {
  /** What an earlier job had left: the kubelet may still be ending a pod of the same name. */
  readonly leftovers: Ledger
}

export interface StartInput extends JobInput {
  /** When the stage began, on the injected clock. Milliseconds. */
  readonly startedAtMs: number
}

export interface InspectInput extends JobInput, JobStart {}

/** How often a push is tried, the first time included, and how long it waits in between, twice as long each time. */
export interface Tries {
  readonly triesMax: number
  readonly backOffMs: number
  readonly backOffMsMax: number
}

/** Enough to name all that was made for a step. */
export interface StepInput {
  readonly nonce: string
  readonly request: StepRequest
}

/** `request`: the pod gets its mounts, which the build leaves alone, and nothing else of it. */
export interface BuildInPlaceInput extends BuildAttempt, StepInput {
  readonly source: BuildSource
}

/** A container that was begun ahead, of the same content and with the same mounts. */
export interface TakeInput extends StepInput {
  readonly source: BuildSource
  readonly standing: BuiltInPlace
}

export interface StandInput {
  readonly built: BuiltInPlace
}

export interface HandOverInput extends StepInput {
  readonly built: BuiltInPlace
}

/** Where an action runs: one of both is known. */
export interface ActionInput extends StepInput {
  readonly image?: string | undefined
  readonly inPlace?: InPlace | undefined
}

export interface CollectInput extends ActionInput {
  readonly copiedIn: CopiedIn
}

export interface ImageInput extends StepInput {
  readonly image: string
  /** Whether the image was built for this step's plan, now or before. */
  readonly isBuilt: boolean
}

/** What is known of a build's image in the registry: nothing of it is there, it is `done`, or a push may be going on right now. */
export type PushState = 'none' | 'possible' | 'done'

export interface CleanUpInput {
  readonly ledger: Ledger
  /** The runner is about to kill the hook: all is removed at once, and nothing is waited for. */
  readonly hurried: boolean
  readonly pushState: PushState
}

/** What an actor that tries again by itself tells while it goes on: which try failed, and that the next one has begun. */
export type TryEvent = { readonly type: 'TRY_FAILED'; readonly error: StepError } | { readonly type: 'TRY_STARTED' }
