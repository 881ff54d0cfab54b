/** Builds a case as the hook does: its ports resolve, build and push, with a runner pod that owns the build pods. */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { ERROR_CODES, type ErrorCode, toStepError } from '../../../src/errors.ts'
import { type BuilderOptions, kubernetesBackend } from '../../cluster/support/kubernetes-backend.ts'
import { type RunnerPod, volumeDirectory } from '../../cluster/support/runner-pod.ts'
import { ledgerOf, never, request, withBackend } from '../../contract/backend.ts'
import { toBuild, toCleanUp, toPush, toResolve } from '../../support/port-inputs.ts'
import type { ParityCase } from '../case.ts'
import type { Bench } from './bench.ts'
import { writeContext } from './context.ts'
import type { Outcome } from './outcome.ts'

/**
 * What may heal by itself says nothing about the Dockerfile: the test fails, and vitest tries it once more. But for what a builder
 * itself makes of a file, when it breaks off without a word or never ends.
 */
const isOfTheCluster = (code: ErrorCode) =>
  code === 'internal' || (ERROR_CODES[code].retryable && code !== 'builder-lost')

/** A build of these takes seconds. */
const BUILD_MS_MAX = 100_000

/** In storage mode volume the claim's directory is on this computer: the node is, too. */
const workDirectoryOf = ({ workDirectory }: Bench, { mode, name }: RunnerPod) =>
  mode === 'volume' ? volumeDirectory(name) : workDirectory

/** `builder`: undefined: Kaniko. */
export async function buildOurs(
  bench: Bench,
  runner: RunnerPod,
  given: ParityCase,
  builder?: BuilderOptions
): Promise<Outcome> {
  const { registry, images, bases } = bench
  const workDirectory = workDirectoryOf(bench, runner)
  const directory = await mkdtemp(join(workDirectory, 'case-'))
  await writeContext(directory, given, bases)
  const ending = AbortSignal.timeout(BUILD_MS_MAX)
  return await withBackend(kubernetesBackend(runner, registry, workDirectory, builder), async ({ ports }) => {
    const asked = toResolve(request({ dockerfile: join(directory, 'Dockerfile') }))
    try {
      const resolution = await ports.resolver.resolve(asked, ending)
      if (resolution.kind !== 'build') throw new Error(`resolved to ${resolution.kind}, not to a build`)
      try {
        const built = await ports.builder.build(toBuild(resolution), ending)
        const image = await ports.pusher.push(toPush(resolution.plan, built), () => {}, ending)
        return { kind: 'built', image: await images.outline(image.slice(image.indexOf('/') + 1)) }
      } finally {
        await ports.janitor.cleanUp(toCleanUp(ledgerOf(resolution)), never)
      }
    } catch (thrown) {
      const { code, message } = toStepError(thrown)
      if (isOfTheCluster(code)) throw thrown
      return { kind: 'refused', code, message }
    }
  })
}
