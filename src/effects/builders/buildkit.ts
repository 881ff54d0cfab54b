/**
 * BuildKit: its client asks a daemon that somebody else runs, at an address, and gets the image layout back. Nothing of the
 * Dockerfile runs in the build pod. Kaniko's `executor push` pushes the layout: the daemon need not reach the registry, and
 * holds no credentials for it (docs/adr/0011).
 */
import { posix } from 'node:path'
import { StepError } from '../../errors.ts'
import { ALL_RIGHT } from '../dockerfile/constructs.ts'
import { parseReference } from '../registry/reference.ts'
import { classifyBuildFailure, TELLING } from './buildkit-failures.ts'
import type { BuilderDefinition, BuildSpec, Daemon } from './definition.ts'
import { kaniko } from './kaniko.ts'

const VERSION = 'v0.28.0'

const tlsArguments = ({ certificatesPath }: Daemon): string[] =>
  certificatesPath === undefined ? [] : [`--tlsdir=${certificatesPath}`]

/**
 * A daemon that has all in its cache makes the same image again, byte for byte: then the digest is another build's as well, and whoever
 * removes its own image would remove the other's.
 */
const ofItsOwn = ({ pushReference }: BuildSpec): string =>
  `annotation.slipway.build=${parseReference(pushReference).version}`

/** What buildctl is asked for, wherever the daemon is. */
export function buildArguments(spec: BuildSpec): string[] {
  const dockerfile = spec.rewrittenPath ?? posix.join(spec.contextPath, spec.dockerfile)
  return [
    'build',
    // Whole lines, also where nobody can see a cursor move.
    '--progress=plain',
    '--frontend=dockerfile.v0',
    `--local=context=${spec.contextPath}`,
    `--local=dockerfile=${posix.dirname(dockerfile)}`,
    `--opt=filename=${posix.basename(dockerfile)}`,
    // Of the job: the daemon builds for its own node's by itself.
    `--opt=platform=linux/${spec.architecture}`,
    `--output=type=oci,tar=false,dest=${spec.layoutPath},${ofItsOwn(spec)}`
  ]
}

/**
 * The digest is the only one in the layout's index. `--metadata-file` would have it as well, but is put in place by a rename,
 * which the file that the kubelet reads does not allow.
 */
export const buildScript = (spec: BuildSpec) =>
  `buildctl "$@" && cat ${spec.layoutPath}/index.json > ${spec.digestPath}`

export const buildkit: BuilderDefinition = {
  name: 'buildkit',
  version: VERSION,
  // It is what docker builds with, but for what no kernel lets it do where its root is nobody on the node.
  capabilities: { ...ALL_RIGHT, 'copy-setuid': 'rewritten' },
  defaultImage: `docker.io/moby/buildkit:${VERSION}`,
  pushImage: kaniko.defaultImage,
  needs: 'daemon',
  directory: '/slipway',
  // The client reads files of the context that are their owner's alone.
  buildCapabilities: ['DAC_OVERRIDE'],
  mayEscalate: false,
  containers: (spec) => {
    const { daemon } = spec
    if (daemon === undefined) throw new StepError('internal', 'BuildKit is asked to build without a daemon')
    return {
      build: {
        command: ['sh', '-c', buildScript(spec), 'buildctl'],
        args: [...tlsArguments(daemon), ...buildArguments(spec)],
        env: { BUILDKIT_HOST: daemon.address }
      },
      push: kaniko.containers(spec).push
    }
  },
  telling: TELLING,
  classifyBuildFailure,
  classifyPushFailure: kaniko.classifyPushFailure,
  failedPushes: kaniko.failedPushes,
  pushedDigest: kaniko.pushedDigest
}
