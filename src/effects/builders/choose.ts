/** The builder that an administrator chooses, with its images and its daemon, for the build pod and the names of images. */
import { BUILDERS, type BuilderName, defaultBuilder } from './catalog.ts'
import type { BuilderDefinition } from './definition.ts'

export interface BuilderChoice {
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER; undefined: the default one. */
  readonly builder?: BuilderName | undefined
  /** Undefined: the builder's default image. */
  readonly builderImage?: string | undefined
  /** Image that pushes what was built; undefined: the builder's own choice. */
  readonly pusherImage?: string | undefined
  /** The daemon of a builder that needs one. */
  readonly builderDaemon?: BuilderDaemon | undefined
}

export interface BuilderDaemon {
  /** `tcp://host:port`, as pods reach it. */
  readonly address: string
  /** Name of the Secret with ca.crt, tls.crt and tls.key; undefined: without TLS. */
  readonly tlsSecret?: string | undefined
}

export interface ChosenBuilder {
  readonly definition: BuilderDefinition
  readonly image: string
  readonly pushImage: string
  readonly daemon?: BuilderDaemon | undefined
}

/** All that may build, in the order in which they are preferred. */
export const chooseBuilders = (choice: BuilderChoice): readonly ChosenBuilder[] => [chooseBuilder(choice)]

export function chooseBuilder(choice: BuilderChoice): ChosenBuilder {
  const definition = choice.builder === undefined ? defaultBuilder : BUILDERS[choice.builder]
  const image = choice.builderImage ?? definition.defaultImage
  return {
    definition,
    image,
    pushImage: choice.pusherImage ?? definition.pushImage ?? image,
    daemon: choice.builderDaemon
  }
}

/** Part of a build's hash: another builder, version, image or daemon may build something else from the same files. */
export const identityOf = ({ definition, image, daemon }: ChosenBuilder): string =>
  [definition.name, definition.version, image, ...(daemon === undefined ? [] : [daemon.address])].join(' ')
