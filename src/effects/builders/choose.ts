/** The builders that an administrator chooses, with their images and their daemon, for the build pod and the names of images. */
import { BUILDERS, type BuilderName } from './catalog.ts'
import type { BuilderDefinition, Mirror } from './definition.ts'

/** Each Dockerfile's own: the first builder, in the catalog's order, that builds it as docker does. */
export const AUTO = 'auto'

export interface BuilderChoice {
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER; undefined: `auto`. */
  readonly builder?: BuilderName | typeof AUTO | undefined
  /** Undefined: each builder's default image. Several builders: `kaniko=image,buildkit=image`; one without a name is the first one's. */
  readonly builderImage?: string | undefined
  /** Image that pushes what was built; undefined: the builder's own choice. */
  readonly pusherImage?: string | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_MIRRORS. */
  readonly mirrors?: readonly Mirror[] | undefined
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
  readonly mirrors?: readonly Mirror[] | undefined
}

/** All that may build, in the order in which they are preferred; one that needs a daemon only where there is one. */
export function chooseBuilders(choice: BuilderChoice): readonly ChosenBuilder[] {
  const { builder = AUTO, builderDaemon } = choice
  const all: readonly BuilderDefinition[] = Object.values(BUILDERS)
  const definitions =
    builder === AUTO
      ? all.filter(({ needsDaemon }) => !needsDaemon || builderDaemon !== undefined)
      : [BUILDERS[builder]]
  const images = imagesOf(choice.builderImage)
  const imageOf = ({ name, defaultImage }: BuilderDefinition, index: number) =>
    images.get(name) ?? (index === 0 ? images.get('') : undefined) ?? defaultImage
  const chosen = definitions.map((definition, index) => ({ definition, image: imageOf(definition, index) }))
  return chosen.map(({ definition, image }) => {
    // Kaniko's image pushes for others, and may be a copy of the default one.
    const pusher = chosen.find((other) => other.definition.defaultImage === definition.pushImage)
    const pushImage = choice.pusherImage ?? pusher?.image ?? definition.pushImage ?? image
    const { needsDaemon } = definition
    return { definition, image, pushImage, ...(needsDaemon ? { daemon: builderDaemon } : { mirrors: choice.mirrors }) }
  })
}

/** By the builder's name; `''`: without one. */
const imagesOf = (setting = ''): ReadonlyMap<string, string> =>
  new Map(
    setting.split(',').flatMap((part): [string, string][] => {
      const [, name = '', image = ''] = /^(?:(\w+)=)?(.+)$/.exec(part.trim()) ?? []
      return image === '' ? [] : [[name, image]]
    })
  )

/** The one that is preferred. */
export function chooseBuilder(choice: BuilderChoice): ChosenBuilder {
  const [first] = chooseBuilders(choice)
  if (first === undefined) throw new Error('there is no builder')
  return first
}

/** Part of a build's hash: another builder, version, image or daemon may build something else from the same files. */
export const identityOf = ({ definition, image, daemon }: ChosenBuilder): string =>
  [definition.name, definition.version, image, ...(daemon === undefined ? [] : [daemon.address])].join(' ')
