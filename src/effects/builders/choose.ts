/** The builders that an administrator chooses, with their images and what they need, for the build pod and the names of images. */
import { BUILDERS, type BuilderName } from './catalog.ts'
import type { BuilderDefinition, BuilderNeed, Mirror } from './definition.ts'

/** Each Dockerfile's own: the first builder, in the catalog's order, that builds it as docker does. */
export const AUTO = 'auto'

export interface BuilderChoice {
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER; undefined: `auto`. */
  readonly builder?: BuilderName | typeof AUTO | undefined
  /** Undefined: each builder's default image. Several builders: `kaniko=image,buildkit-in-pod=image`; one without a name is the first one's. */
  readonly builderImage?: string | undefined
  /** Image that pushes what was built; undefined: the builder's own choice. */
  readonly pusherImage?: string | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_MIRRORS. */
  readonly mirrors?: readonly Mirror[] | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_IMAGE; undefined: the builder's default image for that. */
  readonly inPlaceImage?: string | undefined
  /** The daemon of a builder that needs one. */
  readonly builderDaemon?: BuilderDaemon | undefined
  /** ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_SECCOMP_PROFILE: path below each kubelet's directory of seccomp profiles. */
  readonly seccompProfile?: string | undefined
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
  /** Image that builds in place; undefined: the builder does not. */
  readonly inPlaceImage?: string | undefined
  readonly daemon?: BuilderDaemon | undefined
  /** Of the container that builds, in a pod that has to have a user namespace; undefined: the runtime's own profile. */
  readonly seccompProfile?: string | undefined
  readonly mirrors?: readonly Mirror[] | undefined
}

/** All that may build, in the order in which they are preferred; one that needs something only where there is that. */
export function chooseBuilders(choice: BuilderChoice): readonly ChosenBuilder[] {
  const { builder = AUTO } = choice
  const all: readonly BuilderDefinition[] = Object.values(BUILDERS)
  const definitions =
    builder === AUTO ? all.filter(({ needs }) => needs === undefined || isThere(choice, needs)) : [BUILDERS[builder]]
  const images = imagesOf(choice.builderImage)
  const imageOf = ({ name, defaultImage }: BuilderDefinition, index: number) =>
    images.get(name) ?? (index === 0 ? images.get('') : undefined) ?? defaultImage
  const chosen = definitions.map((definition, index) => ({ definition, image: imageOf(definition, index) }))
  return chosen.map(({ definition, image }) => {
    // Kaniko's image pushes for others, and may be a copy of the default one.
    const pusher = all.find(({ defaultImage }) => defaultImage === definition.pushImage)
    const copied = pusher && imageOf(pusher, definitions.indexOf(pusher))
    const pushImage = choice.pusherImage ?? copied ?? definition.pushImage ?? image
    const inPlaceImage = definition.inPlace && (choice.inPlaceImage ?? definition.inPlace.defaultImage)
    return { definition, image, pushImage, inPlaceImage, ...givenTo(definition, choice) }
  })
}

const isThere = ({ builderDaemon, seccompProfile }: BuilderChoice, need: BuilderNeed): boolean =>
  (need === 'daemon' ? builderDaemon : seccompProfile) !== undefined

function givenTo(
  { needs }: BuilderDefinition,
  { builderDaemon, seccompProfile, mirrors }: BuilderChoice
): Pick<ChosenBuilder, 'daemon' | 'seccompProfile' | 'mirrors'> {
  if (needs === 'daemon') return { daemon: builderDaemon }
  return needs === undefined ? { mirrors } : { seccompProfile, mirrors }
}

/** By the builder's name; `''`: without one. */
const imagesOf = (setting = ''): ReadonlyMap<string, string> =>
  new Map(
    setting.split(',').flatMap((part): [string, string][] => {
      const [, name = '', image = ''] = /^(?:([\w-]+)=)?(.+)$/.exec(part.trim()) ?? []
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
