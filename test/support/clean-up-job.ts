/** cleanup_job on the real Kubernetes ports and the real machine, without the hook around them. */
import { createCleanupPorts } from '../../src/effects/kubernetes/cleanup/job.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../../src/effects/kubernetes/context/options.ts'
import { runJobCleanup } from '../../src/effects/run/wire.ts'
import { CLEANUP_BUDGETS } from '../../src/machines/cleanup-stages.ts'
import type { CleanupOutput } from '../../src/machines/job-cleanup.ts'

export const cleanUpJob = async (options: KubernetesOptions, deps: KubernetesDependencies): Promise<CleanupOutput> =>
  await runJobCleanup({
    request: { runnerPod: options.runnerPod },
    ports: createCleanupPorts(options, deps),
    budgets: CLEANUP_BUDGETS,
    observers: []
  })
