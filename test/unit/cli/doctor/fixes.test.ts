/** Goal: what doctor tells people to do fits the refusal, and the Role it prints is ARC's, as the documentation has it. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { admissionFix } from '../../../../src/cli/doctor/admission-checks.ts'
import { RULES, roleFix } from '../../../../src/cli/doctor/permission-checks.ts'
import { stageFix } from '../../../../src/cli/doctor/probe-fixes.ts'
import { COMMON_CODES } from '../../../../src/machines/table.ts'
import { STAGES_OF } from '../../../support/stages-of.ts'

/** As a real API server (1.34) wrote them. */
const RESTRICTED =
  'pods "r-build-1" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "build" must not include "CHOWN" in securityContext.capabilities.add)'
const QUOTA = 'pods "r-step-1" is forbidden: exceeded quota: none, requested: pods=1, used: pods=1, limited: pods=0'
const MUST_SPECIFY = 'pods "r-step-1" is forbidden: failed quota: cpu: must specify limits.cpu for: job'

describe('a pod that is refused', () => {
  test.each([
    [RESTRICTED, 'kubectl label namespace ci pod-security.kubernetes.io/enforce=baseline --overwrite'],
    [QUOTA, 'kubectl edit resourcequota NAME -n ci'],
    [MUST_SPECIFY, 'kind: LimitRange'],
    ['admission webhook "policy.example" denied the request: no', 'ask who set up the admission rule']
  ])('%s', (message, fix) => expect(admissionFix(message, 'ci')).toContain(fix))
})

describe('the Role', () => {
  const account = { namespace: 'ci', name: 'runner' }
  const yaml = (username: string, serviceAccount?: typeof account) => {
    const [, text = ''] = /<<'EOF'\n([\s\S]*)\nEOF$/.exec(roleFix('ci', { username, serviceAccount })) ?? []
    return parseAllDocuments(text).map((document) => document.toJS())
  }

  test('is bound to the service account of the runner', () => {
    const [role, binding] = yaml('system:serviceaccount:ci:runner', account)
    expect(role.rules.map(({ resources }: { resources: string[] }) => resources[0])).toEqual(
      RULES.map(({ resource }) => resource)
    )
    expect(binding).toMatchObject({
      metadata: { name: 'slipway-runner', namespace: 'ci' },
      roleRef: { kind: 'Role', name: role.metadata.name },
      subjects: [{ kind: 'ServiceAccount', ...account }]
    })
  })

  test('is bound to a user where there is no service account', () => {
    const [, binding] = yaml('jane@example.com')
    expect(binding.subjects).toEqual([
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane@example.com' }
    ])
  })

  test('is the one in deploy/role', () => {
    const text = readFileSync(new URL('../../../../deploy/role/role.yaml', import.meta.url), 'utf8')
    const documented = parseAllDocuments(text).map((document) => document.toJS() as { kind: string; rules?: object })
    const [role] = yaml('jane')
    expect(documented.find(({ kind }) => kind === 'Role')?.rules).toEqual(role.rules)
  })
})

test('every way in which the probe action can fail has something to do about it', () => {
  const codes = [...COMMON_CODES, ...Object.values(STAGES_OF['container-step'] ?? {}).flatMap((stage) => stage.codes)]
  for (const code of codes) expect(stageFix({ code })).toMatch(/\S/)
})

test.each(['image-pull-failed', 'image-not-found'] as const)(
  'for %s names the modes of kube-proxy in which node ports do not answer on localhost, and the settings of the way out',
  (code) => {
    const lines = stageFix({ code }).split('\n')
    expect(lines).toContainEqual(expect.stringMatching(/localhost:10249\/proxyMode .*nftables or ipvs/))
    const names = ['NODE_PORT', 'PULL_HOST', 'PLAIN_HTTP'].map((name) => `\\w+_REGISTRY_${name}`)
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`${names.join('.*')}.*hosts.toml`)))
  }
)
