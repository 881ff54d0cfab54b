/** Kaniko, the maintained fork osscontainertools/kaniko: its two containers for the build pod. */
import { posix } from 'node:path'
import { parseReference } from '../registry/reference.ts'
import type { BuilderDefinition, BuildOptions, BuildSpec } from './definition.ts'
import { KANIKO_CAPABILITIES } from './kaniko-dockerfile.ts'
import {
  classifyBuildFailure,
  classifyPushFailure,
  failedPushes,
  IGNORED,
  pushedDigest,
  TELLING
} from './kaniko-failures.ts'

const VERSION = 'v1.28.3'

/**
 * Kaniko's "BuildKit compatibility" profile (its README, Feature Flags): where the fork keeps Kaniko's old behaviour
 * for old users, do what `docker build` does. COPY makes files of root even after USER, RUN honours the group of USER,
 * heredocs expand variables, directories on the way get the owner and mode that BuildKit gives them.
 */
const LIKE_DOCKER = Object.fromEntries(
  [
    'CHOWN_ON_IMPLICIT_DIRS',
    'COPY_AS_ROOT',
    'COPY_CHMOD_ON_IMPLICIT_DIRS',
    'EXPAND_HEREDOC',
    'RUN_HONOR_GROUP',
    'UNTAR_SKIP_ROOT'
  ].map((flag) => [`FF_KANIKO_${flag}`, 'true'])
)

/*
 * Left as they are:
 * - snapshot mode `full`: the others miss files that were changed without a change of time or size.
 * - no single snapshot: it takes a full one even for a Dockerfile that only copies, which is what most need least.
 * - no retries of Kaniko's own in a build: the machine retries, visibly and within the stage's budget.
 * - FF_KANIKO_RUN_VIA_TINI stays off: it needs a second binary in the image, and docker build has no init either.
 */
function buildArguments(spec: BuildOptions): string[] {
  return [
    `--context=dir://${spec.contextPath}`,
    // Absolute, because a relative one is looked for in the working directory first.
    `--dockerfile=${spec.rewrittenPath ?? posix.join(spec.contextPath, spec.dockerfile)}`,
    '--no-push',
    `--oci-layout-path=${spec.layoutPath}`,
    `--digest-file=${spec.digestPath}`,
    // By default Kaniko leaves /var/run out, for the sake of tokens mounted there: the base image's link /var/run -> /run
    // is then not unpacked, and what RUN writes there is lost. Nothing is mounted there in the build pod.
    '--ignore-var-run=false',
    ...mirrors(spec),
    ...plainHttp(spec)
  ]
}

function pushArguments(spec: BuildSpec): string[] {
  return [
    'push',
    spec.layoutPath,
    `--destination=${spec.pushReference}`,
    // The check asks for nothing that the push itself does not, and doubles the time of a small one.
    '--skip-push-permission-check',
    // Kaniko's own: whatever starts the container again starts one that failed to build again as well.
    `--push-retry=${spec.pushTriesMax - 1}`,
    ...authority(spec),
    ...plainHttp(spec)
  ]
}

/** What go-containerregistry, and so Kaniko, calls Docker Hub. */
const DOCKER_HUB: Readonly<Record<string, string>> = { 'docker.io': 'index.docker.io' }

function mirrors({ mirrors = [] }: BuildOptions): string[] {
  if (mirrors.length === 0) return []
  const pairs = mirrors.map(({ registry, mirror }) => `${DOCKER_HUB[registry] ?? registry}=${mirror}`)
  return [`--registry-map=${pairs.join(';')}`]
}

const plainHttp = ({ plainHttpHosts }: BuildOptions): string[] =>
  plainHttpHosts.map((plain) => `--insecure-registry=${plain}`)

/** Of the registry that is pushed to. */
function authority({ registryAuthorityPath, pushReference }: BuildSpec): string[] {
  if (registryAuthorityPath === undefined) return []
  return [`--registry-certificate=${parseReference(pushReference).host}=${registryAuthorityPath}`]
}

/* In place no layer of the last stage is ever used, and one of each stage before is enough for those that begin FROM it. */
const IN_PLACE = ['--materialize', '--cleanup=false', '--single-snapshot']

export const kaniko: BuilderDefinition = {
  name: 'kaniko',
  version: VERSION,
  capabilities: KANIKO_CAPABILITIES,
  defaultImage: `ghcr.io/osscontainertools/kaniko:${VERSION}`,
  // No Dockerfile uses it and Kaniko leaves it alone: elsewhere a Dockerfile's own WORKDIR could be hidden.
  directory: '/kaniko/slipway',
  // What docker gives to RUN, as far as Baseline allows: all but NET_RAW.
  buildCapabilities: [
    'AUDIT_WRITE',
    'CHOWN',
    'DAC_OVERRIDE',
    'FOWNER',
    'FSETID',
    'KILL',
    'MKNOD',
    'NET_BIND_SERVICE',
    'SETFCAP',
    'SETGID',
    'SETPCAP',
    'SETUID',
    'SYS_CHROOT'
  ],
  mayEscalate: true,
  containers: (spec) => ({
    build: { args: [...buildArguments(spec), ...authority(spec)], env: LIKE_DOCKER },
    push: { args: pushArguments(spec), env: {} }
  }),
  inPlace: {
    defaultImage: `ghcr.io/osscontainertools/kaniko:${VERSION}-debug`,
    command: (options) => ({
      command: ['/kaniko/executor'],
      args: [...buildArguments(options), ...IN_PLACE],
      env: LIKE_DOCKER
    })
  },
  telling: TELLING,
  classifyBuildFailure,
  ignored: IGNORED,
  classifyPushFailure,
  failedPushes,
  pushedDigest
}
