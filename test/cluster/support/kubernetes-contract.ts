/** Registers the contract suites for the Kubernetes backend, with a runner pod of one storage mode. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, test } from 'vitest'
import { describeBuilder, describePusher } from '../../contract/building.ts'
import { describeJanitor } from '../../contract/cleaning.ts'
import { describeRunner, describeWorkspace } from '../../contract/running.ts'
import { canBuild } from './images.ts'
import { type BuilderOptions, kubernetesBackend, registryHost } from './kubernetes-backend.ts'
import { expectNothingLeft, registryContent } from './leftovers.ts'
import { createRunnerPod, type StorageMode, volumeDirectory } from './runner-pod.ts'
import { createTestNamespace } from './test-namespace.ts'

interface Chosen {
  readonly options: BuilderOptions
  remove(): Promise<void>
}

/** `choose` says what builds instead of Kaniko; then only what building and pushing promise is looked at. */
export async function describeKubernetesContract(
  mode: StorageMode,
  choose?: (runnersNamespace: string) => Promise<Chosen>
): Promise<void> {
  const host = await registryHost()
  const reason = (await canBuild()) ? await unreachable(host) : 'there is no Kaniko on the node'
  if (reason !== undefined) {
    process.stderr.write(`\n!!! SKIPPED: the contract of the Kubernetes backend, because ${reason}\n\n`)
    describe.skip(`kubernetes backend, storage mode ${mode}: SKIPPED, see above`, () => {
      test('is held to the contract', () => {})
    })
    return
  }
  const namespace = await createTestNamespace()
  const chosen = await choose?.(namespace.name)
  const runner = await createRunnerPod(namespace.name, mode)
  // In volume mode the claim's directory is on this computer: the node is, too. The suites make their files below it.
  const workDirectory =
    mode === 'volume' ? volumeDirectory(runner.name) : await mkdtemp(join(tmpdir(), 'slipway-work-'))
  const usualDirectory = process.env.TMPDIR
  process.env.TMPDIR = workDirectory
  let before: readonly string[] = []
  beforeEach(async () => {
    before = await registryContent()
  })
  afterEach(() => expectNothingLeft(runner, before))
  afterAll(async () => {
    if (usualDirectory === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usualDirectory
    await runner.remove()
    await chosen?.remove()
    await namespace.remove()
    await rm(workDirectory, { recursive: true, force: true })
  })
  const backend = kubernetesBackend(runner, host, workDirectory, chosen?.options)
  describeBuilder(backend)
  describePusher(backend)
  if (chosen !== undefined) return
  describeRunner(backend)
  describeWorkspace(backend)
  describeJanitor(backend)
}

const REACH_MS_MAX = 5_000

/** Why this process cannot be the hook; undefined when it can. */
async function unreachable(host: string): Promise<string | undefined> {
  try {
    await fetch(`http://${host}/v2/`, { signal: AbortSignal.timeout(REACH_MS_MAX) })
    return undefined
  } catch (thrown) {
    return `the registry's service does not answer this process: ${(thrown as Error).message}`
  }
}
