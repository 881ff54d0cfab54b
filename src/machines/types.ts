/** What the commands ask for, and the data that the ports of all machines take and give: closed, plain, serialisable. */
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

/** What to build. */
export interface BuildSource {
  /** Absolute path on the runner's disk. */
  readonly contextDirectory: string
  /** Path of the Dockerfile relative to the context. */
  readonly dockerfile: string
  /** 64 hexadecimal digits over everything that can change the image; the tag is their beginning. */
  readonly contentHash: string
  /** Name of what builds; undefined: the only one there is. */
  readonly builder?: string | undefined
  /** What it is given in place of the Dockerfile, where it builds only that as docker builds the author's. */
  readonly rewritten?: RewrittenDockerfile | undefined
  /** Whether an ignore file leaves something out of the context. */
  readonly isFiltered?: boolean | undefined
}

/** What to build and how it will be called (ADR 0034: one name to push, one to pull). */
export interface BuildPlan extends BuildSource {
  /** `host:port/handle:tag` as pods see the registry. */
  readonly pushReference: string
  /** `host:port/handle` as the kubelet sees it; a digest is added to it. */
  readonly pullRepository: string
}

export interface RewrittenDockerfile {
  readonly text: string
  /** What a builder will say of lines that it was given, and what the author wrote there. */
  readonly words?: readonly { readonly given: string; readonly written: string }[]
  /** Of the ignore file that is named after the Dockerfile, if there is one. */
  readonly ignoreFile?: string | undefined
}

/** A build that was begun before anybody has asked for it, and goes on. */
export interface BuildAhead {
  readonly pod: string
}

/** What became of a build ahead: undefined when there will be no image of it. */
export interface Joined {
  readonly image?: string | undefined
}

/** What became of a container that was built ahead: undefined when there will be none for this step. */
export interface Taken {
  readonly inPlace?: BuiltInPlace | undefined
}

/** Of an action that the job has and no step has asked for yet. */
export interface AheadRequest extends Pick<StepRequest, 'mounts'> {
  /** As of a StepRequest. */
  readonly dockerfile: string
  /** Whether it is for one more use of the action: what is there has somebody who uses it. */
  readonly isAgain?: boolean | undefined
}

/** What resolving decided. `creates` lists what each later stage will make, so that the ledger knows before the call. */
export type Resolution = Named &
  (
    | { readonly kind: 'prebuilt'; readonly image: string }
    | { readonly kind: 'cached'; readonly image: string }
    | { readonly kind: 'build'; readonly plan: BuildPlan }
    | { readonly kind: 'ahead'; readonly plan: BuildPlan; readonly building: BuildAhead }
    | { readonly kind: 'in-place'; readonly source: BuildSource }
    | { readonly kind: 'standing'; readonly source: BuildSource; readonly standing: BuiltInPlace }
  )

interface Named {
  /** Random hexadecimal digits in the name of everything that is made for this step, so that steps side by side do not meet. */
  readonly nonce: string
  readonly creates: Creates
}

export interface Creates {
  readonly building?: Ledger
  readonly taking?: Ledger
  readonly buildingInPlace?: Ledger
  readonly pulling?: Ledger
}

/** A built image that is in no registry yet. */
export interface BuiltImage {
  /** `sha256:...` of its manifest. */
  readonly digest: string
  /** The build pod that has it; undefined where the engine of this computer does. */
  readonly pod?: string
}

/** A container whose root file system is, or will be, what is built; it waits for what to run. */
export interface BuiltInPlace {
  readonly pod: string
  /** The line of its log that nothing of the build comes after. */
  readonly marker: string
}

/** Where an action runs that was built in place. */
export interface InPlace extends BuiltInPlace {
  /** No line of the action's log is older: a time of the node, as Kubernetes writes it; empty where it is not known. */
  readonly since: string
  /** Begins the last line of the action's log, before its exit code, where a process of ours writes one. */
  readonly end?: string | undefined
}

/** What is to know of files that were copied into a pod when they go back. */
export interface CopiedIn {
  /** When, by the clock of the runner's disk, milliseconds; undefined where none were copied from there. */
  readonly copiedAtMs?: number | undefined
}

/** What handing over a step to the container that was built for it has come to. */
export interface HandedOver {
  readonly copiedIn: CopiedIn
  readonly inPlace: InPlace
}

export interface RunResult {
  /** The action's own exit code, 0 to 255. */
  readonly exitCode: number
}

/** Credentials for pulling one image (hook-protocol section 2, Registry). */
export interface RegistryCredentials {
  readonly username: string
  readonly password: string
  /** Host of the registry; empty for Docker Hub. */
  readonly server: string
}

/** The job container or a service, as the workflow describes it. */
export interface ContainerRequest {
  readonly image: string
  /** Replaces the image's ENTRYPOINT; undefined keeps it. */
  readonly entryPoint?: string | undefined
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDirectory?: string | undefined
  /** `docker create` options, as one string. */
  readonly createOptions?: string | undefined
  /** `[host:]port[/protocol]`. */
  readonly ports: readonly string[]
  /** The workflow's own volumes. */
  readonly volumes: readonly Mount[]
  readonly credentials?: RegistryCredentials | undefined
}

export interface JobRequest {
  /** Undefined: services only. */
  readonly container?: ContainerRequest | undefined
  readonly services: readonly ContainerRequest[]
  /** What the runner mounts into the job container (hook-protocol section 2, system mounts). */
  readonly mounts: readonly Mount[]
}

/** What resolving a job decided: what its objects are called by, and what has to go before they can be made. */
export interface JobResolution {
  readonly nonce: string
  readonly creates: Ledger
  /** Of an earlier job of the same runner pod. */
  readonly leftovers: Ledger
}

/** What was seen while a job's containers came up. */
export interface JobStart {
  /** Undefined where the job container has not answered yet. */
  readonly isAlpine?: boolean | undefined
}

/** What the runner is told about a job that is up. */
export interface JobFacts {
  readonly pod: string
  /** Where the pod's files are: its own copies, or the runner's volume. */
  readonly storage: 'copy' | 'volume'
  readonly isAlpine: boolean
}

/** One script or JavaScript action, as the runner asks for it (hook-protocol section 2). */
export interface ScriptRequest {
  /** Distinguishes this script from every other in the job pod; names its process and its files there. */
  readonly id: string
  readonly entryPoint: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Directories to put before PATH, the first one foremost. */
  readonly prependPath: readonly string[]
  readonly workingDirectory: string
}

/** Whose job is cleaned up. */
export interface CleanupRequest {
  readonly runnerPod: string
}

/** What of a job is still there. */
export interface Leftovers {
  /** Labelled for the runner pod, and belonging to nothing else. */
  readonly objects: Ledger
  /** Undefined when the job can have none. */
  readonly images?: JobImages | undefined
  /** Undefined when nothing was built ahead. */
  readonly ahead?: AheadCounts | undefined
}

/** What became of the builds that no step had asked for. */
export interface AheadCounts {
  readonly used: number
  /** Whether they came to their end or not. */
  readonly unused: number
}

/** Images of one job in the registry. */
export interface JobImages {
  /** All of it is the job's. */
  readonly repository: string
  /** Remembered by the job: tags may have been moved. */
  readonly digests: readonly string[]
}
