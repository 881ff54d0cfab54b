/** A namespace for one test file: ARC's stock Role for the runner, and the Baseline pod security standard enforced. */
import { randomBytes } from 'node:crypto'
import { apply, kubectl } from './kubectl.ts'

export const SERVICE_ACCOUNT = 'runner'

/** The Role of ARC's chart gha-runner-scale-set, container mode kubernetes-novolume: what a drop-in has to live with. */
export const ARC_RULES = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'create', 'delete'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'create', 'delete'] }
]

export interface TestNamespace {
  readonly name: string
  remove(): Promise<void>
}

/** `enforce`: the pod security standard; Baseline allows no ports of the node. */
export async function createTestNamespace(enforce: 'baseline' | 'privileged' = 'baseline'): Promise<TestNamespace> {
  const name = `slipway-test-${randomBytes(4).toString('hex')}`
  const metadata = { name: SERVICE_ACCOUNT, namespace: name }
  const rbac = 'rbac.authorization.k8s.io'
  const labels = { 'pod-security.kubernetes.io/enforce': enforce }
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  await apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: ARC_RULES },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: SERVICE_ACCOUNT },
      subjects: [{ kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace: name }]
    }
  )
  return {
    name,
    async remove() {
      await kubectl(['delete', 'namespace', name, '--wait=false'])
    }
  }
}
