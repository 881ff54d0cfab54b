/** What a builder declares, for the files that hold one each and for the build pod. */
import type { StepError } from '../../errors.ts'
import type { CapabilityTable } from '../dockerfile/constructs.ts'

/** Before a refusal, in the words for a line that was given to a builder: when that line fails, it is why the build does. */
export const REFUSAL = 'RUN refused: '

/** What a container that builds is told, in its own paths. */
export interface BuildOptions {
  /** Directory of the build context. */
  readonly contextPath: string
  /** Relative to the context. */
  readonly dockerfile: string
  /** Absolute: what is built in its place. Only for a builder whose table rewrites something. */
  readonly rewrittenPath?: string | undefined
  /** Directory for the OCI image layout. */
  readonly layoutPath: string
  /** File that the digest of the image is written to. */
  readonly digestPath: string
  /** Registries, `host:port`, that speak plain HTTP; for pushing and for FROM. */
  readonly plainHttpHosts: readonly string[]
  /** File with the certificates, PEM, that the registry's own is signed with; undefined: those of the image. */
  readonly registryAuthorityPath?: string | undefined
  /** Of registries in FROM; for a builder that pulls by itself. */
  readonly mirrors?: readonly Mirror[] | undefined
}

/** What to build, in paths of the build pod; both containers have the layout. */
export interface BuildSpec extends BuildOptions {
  /** `host/repository:tag`. */
  readonly pushReference: string
  /** What the image has to run on, in Go's words; for a builder whose own architecture may be another one. */
  readonly architecture: string
  /** How often the container that pushes tries, the first time included. */
  readonly pushTriesMax: number
  /** For a builder that only asks a daemon elsewhere to build. */
  readonly daemon?: Daemon | undefined
  /** Directory on a disk of the pod's own, for a builder that starts containers inside of its own. */
  readonly statePath?: string | undefined
}

/** Where images of a registry are pulled from first; where it has none, the registry itself is asked. */
export interface Mirror {
  /** `host[:port]`. */
  readonly registry: string
  /** `host[:port][/path]`. */
  readonly mirror: string
}

export interface Daemon {
  /** `tcp://host:port`. */
  readonly address: string
  /** Directory with `ca.crt`, `tls.crt` and `tls.key`; undefined: without TLS. */
  readonly certificatesPath?: string | undefined
}

/** What a container runs. */
export interface ContainerCommand {
  /** Undefined: the image's own entrypoint. */
  readonly command?: readonly string[]
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/**
 * Two containers: only the second one may hold push credentials, and it runs none of the Dockerfile's code. Credentials come
 * as a Docker config file in the directory that DOCKER_CONFIG names.
 */
export interface BuilderContainers {
  readonly build: ContainerCommand
  readonly push: ContainerCommand
}

/** One try of a push that is followed by another one in the same container. */
export interface FailedPush {
  readonly failure: StepError
  /** How long the container waits before the next try, milliseconds. */
  readonly pauseMs: number
}

/**
 * `daemon`: one elsewhere, which pulls, too: mirrors are its own to know. `seccomp-profile`: one on each node that lets the container that
 * builds start others inside of it, in a pod that has a user namespace.
 */
export type BuilderNeed = 'daemon' | 'seccomp-profile'

/** How a builder builds in the container that the action will run in. */
export interface InPlaceDefinition {
  /** Pinned, with busybox at /busybox, which the builder leaves alone; may be overridden by configuration. */
  readonly defaultImage: string
  /** Makes the container's root file system what was built, and writes a layout with the image's configuration. */
  command(options: BuildOptions): Required<ContainerCommand>
}

export interface BuilderDefinition {
  readonly name: string
  /** Pinned; may be overridden by configuration. */
  readonly defaultImage: string
  readonly version: string
  /** What it makes of what builders do not agree on. */
  readonly capabilities: CapabilityTable
  /** Pinned image of the container that pushes; undefined: the builder's own. May be overridden by configuration. */
  readonly pushImage?: string
  /** What only an administrator can give it; undefined: nothing. */
  readonly needs?: BuilderNeed
  /** Absolute; context and layout are mounted below, where they hide nothing of the builder's or the Dockerfile's. */
  readonly directory: string
  /** What the build container needs; the Baseline pod security standard has to allow it. */
  readonly buildCapabilities: readonly string[]
  /** Whether programs in the build container may become another user by a file's set-user-ID bit, as sudo does. */
  readonly mayEscalate: boolean
  containers(spec: BuildSpec): BuilderContainers
  /** Undefined: it cannot. */
  readonly inPlace?: InPlaceDefinition
  /** Lines of a build's log that tell why it failed, wherever they stand; not global. */
  readonly telling: RegExp
  /** Why a build failed, from the last 64 KiB of its log and the telling lines before; `builder-lost` when the log does not say. */
  classifyBuildFailure(logTail: string): StepError
  /** A line of a build's log that says what was left out, its first group being the words; undefined: the builder fails instead. */
  readonly ignored?: RegExp
  /** Why the container that pushes has given up, from its log; `push-failed` when the log does not say. */
  classifyPushFailure(log: string): StepError
  /** The tries of a push that are followed by another one in the same container, in order, from its log. */
  failedPushes(log: string): readonly FailedPush[]
  /** What the container that pushes says it has pushed, `sha256:...`, from its log; undefined when the log does not say. */
  pushedDigest(log: string): string | undefined
}
