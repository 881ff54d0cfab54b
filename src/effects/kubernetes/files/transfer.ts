/** How the runner's files get into pods and back: one interface for all that makes or fills a pod, with a strategy for each kind of storage. */
import type { StepError } from '../../../errors.ts'
import type { BuildPlan, BuildSource, CopiedIn, Mount } from '../../../machines/types.ts'
import type { ContextFiles, PodFiles } from '../specs/parts.ts'

/** A pod that was just created, to be filled. */
export interface NewPod {
  readonly pod: string
  /** What it means that the pod is gone. */
  readonly lost: () => StepError
}

/** One that an action has run in. */
export interface FilledPod extends CopiedIn {
  readonly pod: string
}

export interface NewJobPod extends NewPod {
  /** Whether a pod of the same name was removed a moment ago. */
  readonly hasPredecessor: boolean
  /** How long it may take until a node has the pod. Milliseconds. */
  readonly schedulingMsMax: number
}

export interface BuildContext {
  readonly plan: BuildSource
  /** Of the builder, as the plan's hash has it. */
  readonly identity: string
}

/** A method has nothing to do where a pod has the runner's own files: then it resolves at once. */
export interface Transfer {
  readonly jobPod: PodFiles
  readonly stepPod: PodFiles
  buildPod(plan: BuildPlan): ContextFiles
  /** The whole work directory. */
  copyInJob(to: NewJobPod, signal: AbortSignal): Promise<void>
  /** What the mounts of a container action show. */
  copyInStep(to: NewPod, mounts: readonly Mount[], signal: AbortSignal): Promise<CopiedIn>
  /** What an image is built from; exactly what the plan was made from, where images are kept. */
  copyInContext(to: NewPod, context: BuildContext, signal: AbortSignal): Promise<void>
  /** An action that the runner got after prepare_job, into the job pod. Its path is relative to the work directory. */
  copyInAction(action: string, signal: AbortSignal): Promise<void>
  /** What a container action changed below its mounts, to where the files came from. Rejects with `collect-failed`. */
  copyOutStep(from: FilledPod, mounts: readonly Mount[], signal: AbortSignal): Promise<void>
  /** Makes a directory of the runner's disk what it is in the job pod, if there is one. */
  copyOutOfJob(directory: string, signal: AbortSignal): Promise<void>
  /** The files that a script has named in the lists among what it has written; a container action's come with its other files. */
  copyOutArtifacts(written: readonly string[], signal: AbortSignal): Promise<void>
}
