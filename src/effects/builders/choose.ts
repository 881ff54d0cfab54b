/** The builder that the options choose, with its images and its daemon, for the build pod and the names of images. */

import type { BuilderDaemon, KubernetesOptions } from '../kubernetes/context/options.ts'
import { BUILDERS, defaultBuilder } from './catalog.ts'
import type { BuilderDefinition } from './definition.ts'

export interface ChosenBuilder {
  readonly definition: BuilderDefinition
  readonly image: string
  readonly pushImage: string
  readonly daemon?: BuilderDaemon | undefined
}

export function chooseBuilder(
  options: Pick<KubernetesOptions, 'builder' | 'builderImage' | 'pusherImage' | 'builderDaemon'>
): ChosenBuilder {
  const definition = options.builder === undefined ? defaultBuilder : BUILDERS[options.builder]
  const image = options.builderImage ?? definition.defaultImage
  return {
    definition,
    image,
    pushImage: options.pusherImage ?? definition.pushImage ?? image,
    daemon: options.builderDaemon
  }
}

/** Part of a build's hash: another builder, version, image or daemon may build something else from the same files. */
export const identityOf = ({ definition, image, daemon }: ChosenBuilder): string =>
  [definition.name, definition.version, image, ...(daemon === undefined ? [] : [daemon.address])].join(' ')
