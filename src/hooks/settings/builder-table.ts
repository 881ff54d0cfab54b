/** The variables of what builds, and where, for the table of settings; what they mean together is in builder.ts. */
import { BUILDERS, type BuilderName } from '../../effects/builders/catalog.ts'
import { AUTO } from '../../effects/builders/choose.ts'
import { BUILD_MODES, USER_NAMESPACE_CHOICES } from '../../effects/kubernetes/context/options.ts'
import { kubernetesName, mirrors, oneOf, pathBelow, type Setting, tcpAddress, text } from './values.ts'

const CONTAINER_HOOKS = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
const BUILDER_NAMES = Object.keys(BUILDERS) as BuilderName[]
const code = (name: string) => `\`${name}\``

export const BUILDER = {
  builder: {
    variable: `${CONTAINER_HOOKS}_BUILDER`,
    unset: code(AUTO),
    meaning: `What builds: ${BUILDER_NAMES.map(code).join(' or ')}; or \`${AUTO}\`: for each Dockerfile the first one of those that are set up which builds it as docker does. See [BuildKit](buildkit.md#which-builder).`,
    parse: oneOf<BuilderName | typeof AUTO>([...BUILDER_NAMES, AUTO])
  },
  buildMode: {
    variable: `${CONTAINER_HOOKS}_BUILD_MODE`,
    unset: '`auto`',
    meaning:
      'Where Dockerfiles are built: `registry`, in a pod of their own whose image goes through the registry; `in-place`, in the container that then runs the action; `auto`: with the registry where one is set, else in place. See [in place](in-place.md).',
    parse: oneOf(BUILD_MODES)
  },
  buildAhead: {
    variable: `${CONTAINER_HOOKS}_BUILD_AHEAD`,
    unset: '`on`, but `off` in place in storage mode `volume`',
    meaning:
      "Whether the Dockerfiles of a job's actions are built from its beginning on, before their steps ask for them: `on` or `off`. See [ahead](ahead.md#when).",
    parse: oneOf(['on', 'off'] as const)
  },
  inPlaceImage: {
    variable: `${CONTAINER_HOOKS}_IN_PLACE_IMAGE`,
    unset: code(BUILDERS.kaniko.inPlace?.defaultImage ?? ''),
    meaning: "Image that builds in place: Kaniko's with a shell, a copy in a registry of yours or another version.",
    parse: text
  },
  inPlaceInit: {
    variable: `${CONTAINER_HOOKS}_IN_PLACE_INIT`,
    unset: '`off`',
    meaning:
      "Whether a shell stays process 1 of an action that was built in place, as with docker's `--init`, so that a step ends as soon as its action does: `on` or `off`. See [in place](in-place.md#a-process-before-the-action).",
    parse: oneOf(['on', 'off'] as const)
  },
  builderImage: {
    variable: `${CONTAINER_HOOKS}_BUILDER_IMAGE`,
    unset: [...new Set(BUILDER_NAMES.map((name) => code(BUILDERS[name].defaultImage)))].join(', or '),
    meaning:
      'Image of the builder: a copy of the default in a registry of yours, or another version. For several: `kaniko=image,buildkit-in-pod=image`.',
    parse: text
  },
  pusherImage: {
    variable: `${CONTAINER_HOOKS}_PUSHER_IMAGE`,
    unset: `the builder's image; with BuildKit Kaniko's: ${code(BUILDERS.kaniko.defaultImage)}`,
    meaning: "Image with Kaniko's `executor`, which pushes what was built.",
    parse: text
  },
  mirrors: {
    variable: `${CONTAINER_HOOKS}_BUILD_MIRRORS`,
    unset: 'none',
    meaning:
      'Where images in FROM are looked for first, as `registry=mirror[/path]`, comma-separated (`docker.io=mirror.example/hub,ghcr.io=mirror.example/ghcr`). See [mirrors](registry.md#mirrors). Not for `buildkit`, whose daemon knows its own.',
    parse: mirrors
  },
  buildUserNamespace: {
    variable: `${CONTAINER_HOOKS}_BUILD_USER_NAMESPACE`,
    unset: '`auto`',
    meaning:
      'Whether build pods get a user namespace, in which root is nobody on the node: `auto`, where nodes can; `on`, or no build at all; `off`. See [Security](security.md#user-namespaces).',
    parse: oneOf(USER_NAMESPACE_CHOICES)
  },
  buildkitHost: {
    variable: `${CONTAINER_HOOKS}_BUILDKIT_HOST`,
    unset: 'none',
    meaning:
      'Address of the BuildKit daemon as pods reach it, `tcp://host:port`. Needed for `buildkit`; with `auto` it sets BuildKit up.',
    parse: tcpAddress
  },
  seccompProfile: {
    variable: `${CONTAINER_HOOKS}_BUILDKIT_SECCOMP_PROFILE`,
    unset: 'none',
    meaning:
      "Sets BuildKit up inside of the build pod: the seccomp profile that lets it, on every node, as a path below the kubelet's directory of profiles (`slipway/buildkit.json`). Needed for `buildkit-in-pod`. See [BuildKit](buildkit.md#in-the-build-pod).",
    parse: pathBelow
  },
  buildkitTlsSecret: {
    variable: `${CONTAINER_HOOKS}_BUILDKIT_TLS_SECRET`,
    unset: 'none: without TLS',
    meaning:
      "Name of a Secret in the runners' namespace with `ca.crt`, `tls.crt` and `tls.key`: what the daemon's certificate is signed with, and the one to show to it.",
    parse: kubernetesName
  }
} as const satisfies Record<string, Setting>
