/** What every test file of the cluster suite starts with: a namespace, a runner pod per storage mode, and the oracles. */
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { expectNothingLeft, registryContent } from './leftovers.ts'
import { createRunnerPod, type RunnerPod, type StorageMode } from './runner-pod.ts'
import { createTestNamespace, type TestNamespace } from './test-namespace.ts'

/**
 * Makes a runner pod for the tests of this `describe`, and judges each of them by what it leaves behind in the cluster and
 * in the registry. The returned function gives the pod inside tests. `change` may make another pod of the usual one.
 */
export function useRunnerPod(mode: StorageMode, change?: (pod: V1Pod) => V1Pod): () => RunnerPod {
  let namespace: TestNamespace | undefined
  let pod: RunnerPod | undefined
  let before: readonly string[] = []
  const current = () => {
    if (pod === undefined) throw new Error('the runner pod exists only while tests run')
    return pod
  }
  beforeAll(async () => {
    namespace = await createTestNamespace()
    pod = await createRunnerPod(namespace.name, mode, change)
  })
  beforeEach(async () => {
    before = await registryContent()
  })
  afterEach(async () => await expectNothingLeft(current(), before))
  afterAll(async () => {
    try {
      await pod?.remove()
    } finally {
      await namespace?.remove()
    }
  })
  return current
}
