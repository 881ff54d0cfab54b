/**
 * What the machines need from outside. Two real backends implement these (kubernetes, local), and
 * scripted ones in the tests; test/contract holds all of them to the same promises.
 *
 * Every method takes plain data and an AbortSignal, rejects with a StepError, is safe to call again after a failure,
 * and rejects promptly once the signal is aborted. How far a step is stands in the machine's context, and comes with each call.
 */

import type {
  ActionInput,
  BuildInPlaceInput,
  BuildInput,
  CleanUpInput,
  CollectInput,
  HandOverInput,
  ImageInput,
  InspectInput,
  JoinInput,
  PlaceInput,
  PushInput,
  ResolveInput,
  StandInput,
  StartInput,
  TakeInput,
  TryEvent
} from './inputs.ts'
import type { Ledger } from './ledger.ts'
import type {
  BuiltImage,
  BuiltInPlace,
  CleanupRequest,
  CopiedIn,
  HandedOver,
  JobFacts,
  JobImages,
  JobRequest,
  JobResolution,
  JobStart,
  Joined,
  Leftovers,
  Resolution,
  RunResult,
  ScriptRequest,
  Taken
} from './types.ts'

/** Decides what to run, and under which names: a prebuilt image, one already built for this content, or a build. */
export interface ImageResolver {
  resolve(input: ResolveInput, signal: AbortSignal): Promise<Resolution>
}

/** Builds one image without pushing it; holds no push credentials. */
export interface Builder {
  build(input: BuildInput, signal: AbortSignal): Promise<BuiltImage>
}

/** Pushes what was built, and tries again by itself: the container that pushes is not the hook's to start again. */
export interface Pusher {
  /**
   * Resolves with what to run, by digest, as soon as it is pushed; rejects when nobody will try again. Until then `tell` hears of
   * each try that failed and, before the next failure, of the one that has begun after it.
   */
  push(input: PushInput, tell: (event: TryEvent) => void, signal: AbortSignal): Promise<string>
}

/** Waits for a build of the same content that was begun before this step. */
export interface Joiner {
  /** Resolves with its image, or with none as soon as there will be none: a build that failed, or that nobody looks after any more. */
  join(input: JoinInput, signal: AbortSignal): Promise<Joined>
}

/** Builds where the action runs, so that no image has to be moved. Holds no credentials but those for images in FROM. */
export interface InPlaceBuilder {
  /** Resolves when the container's root file system is what was built, and nothing of the build runs there any more. */
  buildInPlace(input: BuildInPlaceInput, signal: AbortSignal): Promise<BuiltInPlace>
  /**
   * Makes a container that was begun ahead this step's own, and resolves as a build does; with none where another step has it, or
   * there will be nothing in it.
   */
  take(input: TakeInput, signal: AbortSignal): Promise<Taken>
  /** Brings workspace and environment there, and starts the action: once, however often it is asked. */
  handOver(input: HandOverInput, signal: AbortSignal): Promise<HandedOver>
}

/** Looks after a container that was built ahead. */
export interface Stander {
  /** Resolves when a step has taken it; rejects with `builder-lost` when it is gone. */
  stand(input: StandInput, signal: AbortSignal): Promise<void>
}

/** Brings an image to where it runs, and runs it exactly once. */
export interface Runner {
  /** Places the image and the workspace; resolves when the action's process has been started or is sure to start. */
  pull(input: ImageInput, signal: AbortSignal): Promise<CopiedIn>
  /** Streams the log and resolves with the action's own exit code. Only ever called once. */
  run(input: ActionInput, signal: AbortSignal): Promise<RunResult>
}

/** Brings workspace, home and file commands back to the runner's disk, whatever the exit code was. */
export interface Workspace {
  collect(input: CollectInput, signal: AbortSignal): Promise<void>
}

/** Undoes a ledger: idempotent, a thing that is gone already counts as removed. */
export interface Janitor {
  /** Rejects with `cleanup-failed` and the `remaining` names when something is still there. */
  cleanUp(input: CleanUpInput, signal: AbortSignal): Promise<void>
}

/** Time and chance, injected. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number
  /** Resolves after `ms`; rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** Between half of `ms` and `ms`, so that retries of many runners spread out. */
  jitter(ms: number): number
}

/** One backend of effects: everything the machine needs to run one step. */
export interface StepPorts {
  readonly resolver: ImageResolver
  readonly joiner: Joiner
  readonly builder: Builder
  readonly pusher: Pusher
  readonly inPlace: InPlaceBuilder
  readonly runner: Runner
  readonly workspace: Workspace
  readonly janitor: Janitor
  readonly clock: Clock
}

/** What ahead-build needs. */
export interface AheadPorts extends Pick<StepPorts, 'resolver' | 'builder' | 'pusher' | 'janitor' | 'clock'> {
  readonly inPlace: Pick<InPlaceBuilder, 'buildInPlace'>
  readonly stander: Stander
}

/** Makes the job pod, for job-start. */
export interface JobHost {
  /** Refuses what cannot be done, and lists what placing will create and what is in its way. */
  plan(request: JobRequest, signal: AbortSignal): Promise<JobResolution>
  /** Removes what an earlier job has left, and resolves when its names are free. */
  sweep(leftovers: Ledger, signal: AbortSignal): Promise<void>
  /** Creates the pod and what it needs, and copies the runner's files there. */
  place(input: PlaceInput, signal: AbortSignal): Promise<void>
  /** Resolves when every container is up and every service is healthy. */
  start(input: StartInput, signal: AbortSignal): Promise<JobStart>
  /** What the runner asks about the job container. */
  inspect(input: InspectInput, signal: AbortSignal): Promise<JobFacts>
}

/** What job-start needs. */
export interface JobPorts {
  readonly host: JobHost
  readonly janitor: Janitor
  readonly clock: Clock
}

/** Runs one script in the job container, for script-step. */
export interface ScriptHost {
  /**
   * Starts the script, or joins it where an earlier connection was lost: the same request never runs twice, and the log
   * goes on where it stopped. Resolves with the script's own exit code.
   */
  execute(request: ScriptRequest, signal: AbortSignal): Promise<RunResult>
}

/** What script-step needs. */
export interface ScriptPorts {
  readonly host: ScriptHost
  readonly janitor: Janitor
  readonly clock: Clock
}

/** Removes what belongs to one runner pod, for job-cleanup. */
export interface JobCleaner {
  list(request: CleanupRequest, signal: AbortSignal): Promise<Leftovers>
  /** Deletes, and does not wait. Rejects with `cleanup-failed` and the `remaining` names when something cannot be deleted. */
  removeObjects(objects: Ledger, signal: AbortSignal): Promise<void>
  /** Resolves when nothing is there any more; after a while rejects with `cleanup-failed` and the `remaining` names. */
  confirm(request: CleanupRequest, signal: AbortSignal): Promise<void>
  /** Resolves with what was removed. */
  removeImages(images: JobImages, signal: AbortSignal): Promise<Ledger>
}

/** What job-cleanup needs. */
export interface CleanupPorts {
  readonly cleaner: JobCleaner
  readonly clock: Clock
}
