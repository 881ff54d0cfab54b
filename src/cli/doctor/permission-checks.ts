/** Whether the runner's service account may do what the hook does, verb by verb, and the Role that would let it. */
import { type Check, type Finding, fail, pass, warn } from './check.ts'
import { VERSION } from './cluster-checks.ts'
import { ask, type Facts, type Identity } from './facts.ts'
import { SETTINGS } from './settings-checks.ts'

interface Rule {
  readonly resource: string
  /** Of ARC's own Role, which is what a drop-in has to live with. */
  readonly verbs: readonly string[]
  /** In that Role, and not used by Slipway. */
  readonly unused: readonly string[]
}

/** The Role of ARC's chart gha-runner-scale-set, container mode kubernetes-novolume. */
export const RULES: readonly Rule[] = [
  { resource: 'pods', verbs: ['get', 'list', 'create', 'delete'], unused: [] },
  { resource: 'pods/exec', verbs: ['get', 'create'], unused: [] },
  { resource: 'pods/log', verbs: ['get', 'list', 'watch'], unused: ['list', 'watch'] },
  { resource: 'secrets', verbs: ['get', 'list', 'create', 'delete'], unused: [] }
]

export const NAMESPACE = 'Namespace'
export const permission = (resource: string): string => `May use ${resource}`

export function permissionChecks(facts: Facts): readonly Check[] {
  return [
    { name: NAMESPACE, needs: [VERSION, SETTINGS], run: (signal) => checkNamespace(facts, signal) },
    ...RULES.map((rule) => ({
      name: permission(rule.resource),
      needs: [NAMESPACE],
      run: (signal: AbortSignal) => checkRule(facts, rule, signal)
    }))
  ]
}

/** Owner references do not cross namespaces, so what is made for a runner has to be where it is. */
async function checkNamespace(facts: Facts, signal: AbortSignal): Promise<Finding> {
  const { namespace } = await facts.access()
  const { username, serviceAccount } = await facts.identity(signal)
  if (serviceAccount === undefined || serviceAccount.namespace === namespace)
    return pass(`${namespace}, as ${username}`)
  return fail(
    `ACTIONS_RUNNER_KUBERNETES_NAMESPACE is ${namespace}, but the runner is in ${serviceAccount.namespace}; what is made for it has to be there too`,
    `set ACTIONS_RUNNER_KUBERNETES_NAMESPACE=${serviceAccount.namespace} on the runner, or leave it out`
  )
}

async function checkRule(facts: Facts, { resource, verbs, unused }: Rule, signal: AbortSignal): Promise<Finding> {
  const { namespace } = await facts.access()
  const allowed = await Promise.all(verbs.map((verb) => isAllowed(facts, verb, resource, signal)))
  const missing = verbs.filter((_verb, index) => !allowed[index])
  if (missing.length === 0) return pass(verbs.join(', '))
  const identity = await facts.identity(signal)
  const fix = roleFix(namespace, identity)
  const text = `${identity.username} may not ${missing.join(', ')} ${resource} in namespace ${namespace}`
  if (missing.every((verb) => unused.includes(verb))) return warn(`${text}; Slipway does not need it today`, fix)
  return fail(text, fix)
}

interface AccessReview {
  readonly status: { readonly allowed: boolean }
}

async function isAllowed(facts: Facts, verb: string, name: string, signal: AbortSignal): Promise<boolean> {
  const { access, namespace } = await facts.access()
  const [resource, subresource] = name.split('/')
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { namespace, verb, group: '', resource, ...(subresource && { subresource }) } }
  }
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
  const { status } = await ask<AccessReview>(access, { method: 'POST', path, body }, signal)
  return status.allowed
}

const list = (items: readonly string[]): string => `[${items.join(', ')}]`

/** A command that grants everything, so that it is needed once however much is missing. */
export function roleFix(namespace: string, { username, serviceAccount }: Identity): string {
  const binding = `slipway-${serviceAccount?.name ?? 'runner'}`
  const subject =
    serviceAccount === undefined
      ? `{ apiGroup: rbac.authorization.k8s.io, kind: User, name: "${username}" }`
      : `{ kind: ServiceAccount, name: ${serviceAccount.name}, namespace: ${serviceAccount.namespace} }`
  return `grant what ARC's own Role grants:
kubectl apply -f - <<'EOF'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: slipway, namespace: ${namespace} }
rules:
${RULES.map(({ resource, verbs }) => `  - { apiGroups: [""], resources: [${resource}], verbs: ${list(verbs)} }`).join('\n')}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${binding}, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: slipway }
subjects: [${subject}]
EOF`
}
