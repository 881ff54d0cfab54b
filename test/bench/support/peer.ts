/** The hook that ships with the runner, for comparison: its bundle in a runner pod of its own, if somebody has built it. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll } from 'vitest'
import { apply, get, kubectl } from '../../cluster/support/kubectl.ts'
import { createRunnerPod, HOOK, type RunnerPod, type StorageMode } from '../../cluster/support/runner-pod.ts'
import { createTestNamespace, SERVICE_ACCOUNT, type TestNamespace } from '../../cluster/support/test-namespace.ts'

/** Absolute paths of `packages/k8s/dist/index.js`: one generation of it knows volumes, the next one copies. */
const VARIABLES: Readonly<Record<StorageMode, string>> = {
  copy: 'SLIPWAY_BENCH_PEER_COPY',
  volume: 'SLIPWAY_BENCH_PEER_VOLUME'
}

/** What comparisons call it. */
export const PEER = 'the shipped hook'

/** Path of the bundle; undefined when there is none, and then this says so where nobody can miss it. */
export function peerBundle(mode: StorageMode): string | undefined {
  const path = process.env[VARIABLES[mode]] || undefined
  if (path === undefined) {
    process.stderr.write(`\n!!! SKIPPED: nothing is compared with the shipped hook in storage mode ${mode}.\n`)
    process.stderr.write(`!!! Set ${VARIABLES[mode]} to its bundle: docs/testing.md\n\n`)
  }
  return path
}

/** ARC's container mode kubernetes grants these too, and the generation that knows volumes needs them. */
const JOB_RULES = [{ apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'list', 'create', 'delete'] }]

/** A runner pod with the other hook. What it leaves behind is its own business, and goes with its namespace. */
export function usePeerPod(mode: StorageMode, bundle: string | undefined): () => RunnerPod {
  let namespace: TestNamespace | undefined
  let pod: RunnerPod | undefined
  beforeAll(async () => {
    if (bundle === undefined) return
    namespace = await createTestNamespace()
    await allowJobs(namespace.name)
    pod = await createRunnerPod(namespace.name, mode)
    const { exitCode, stderr } = await pod.exec(['sh', '-c', `cat > ${HOOK}`], { input: await readFile(bundle) })
    if (exitCode !== 0) throw new Error(`the shipped hook could not be installed: ${stderr}`)
  })
  afterAll(async () => {
    await pod?.remove()
    await namespace?.remove()
  })
  return () => {
    if (pod === undefined) throw new Error('there is no pod with the shipped hook')
    return pod
  }
}

async function allowJobs(namespace: string): Promise<void> {
  const group = 'rbac.authorization.k8s.io'
  const metadata = { name: 'jobs', namespace }
  await apply(
    { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules: JOB_RULES },
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: group, kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace }]
    }
  )
}

/** Removes what it keeps for minutes after a step, so that later rounds do not meet more than earlier ones. */
export async function sweepPeer({ namespace, name }: RunnerPod): Promise<void> {
  await kubectl(['delete', 'jobs', '-n', namespace, '--all', '--cascade=background'])
  const pods = await get<{ metadata: { name: string } }>(['pods', '-n', namespace])
  const others = pods.map(({ metadata }) => metadata.name).filter((one) => one !== name)
  if (others.length > 0) await kubectl(['delete', 'pods', '-n', namespace, '--ignore-not-found', ...others])
}
