/** The builders there are, and what each one declares, for the build pod. A new one is a file of its own and a line here. */
import type { StepError } from '../../errors.ts'
import { kaniko } from './kaniko.ts'

/** What to build, in paths of the build pod. */
export interface BuildSpec {
  /** Directory of the build context. */
  readonly contextPath: string
  /** Relative to the context. */
  readonly dockerfile: string
  /** Directory, shared by both containers, for the OCI image layout. */
  readonly layoutPath: string
  /** File that the digest of the image is written to. */
  readonly digestPath: string
  /** `host:port/handle:tag`. */
  readonly pushReference: string
  /** Registries, `host:port`, that speak plain HTTP; for pushing and for FROM. */
  readonly plainHttpHosts: readonly string[]
}

/** What a container of the builder's image is given besides its own entrypoint. */
export interface ContainerCommand {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Two containers: only the second one may hold push credentials, and it runs none of the Dockerfile's code. */
export interface BuilderContainers {
  readonly build: ContainerCommand
  readonly push: ContainerCommand
}

export interface BuilderDefinition {
  readonly name: string
  /** Pinned; may be overridden by configuration. */
  readonly defaultImage: string
  readonly version: string
  containers(spec: BuildSpec): BuilderContainers
  /** Why a build failed, from the last 100 lines or more of its log; `builder-lost` when the log does not say. */
  classifyBuildFailure(logTail: string): StepError
  /** Why a push failed, from the last 100 lines or more of its log; `push-failed` when the log does not say. */
  classifyPushFailure(logTail: string): StepError
}

/** The builder that is used when none is chosen. */
export const defaultBuilder: BuilderDefinition = kaniko
