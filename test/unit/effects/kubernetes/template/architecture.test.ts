/** All pods of a job, and the names of its images, are of one architecture: the runner's, or the template's. */
import { expect, test } from 'vitest'
import { chooseBuilder } from '../../../../../src/effects/builders/choose.ts'
import { architectureFor, imageArchitecture } from '../../../../../src/effects/kubernetes/template/architecture.ts'
import { applyTemplate } from '../../../../../src/effects/kubernetes/template/merge.ts'
import { parseTemplate } from '../../../../../src/effects/kubernetes/template/read.ts'
import { buildPod, siteOf } from '../context-fixture.ts'

const KINDS = ['job', 'step', 'build'] as const
const asking = async (yaml: string) => ({
  architecture: 'amd64',
  template: await parseTemplate(yaml, '/template.yaml')
})

const selector = (value: string) => `spec: {nodeSelector: {kubernetes.io/arch: ${value}}}`
const affinity = (...terms: string[]) =>
  `spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [${terms.join(', ')}]}}}}`
const term = (operator: string, ...values: string[]) =>
  `{matchExpressions: [{key: pool, operator: Exists}, {key: kubernetes.io/arch, operator: ${operator}, values: [${values.join(', ')}]}]}`

test.each([
  ['nothing', '{}', ['amd64', 'amd64', 'amd64']],
  ['other nodes', 'spec: {nodeSelector: {pool: ci}, affinity: {podAffinity: {}}}', ['amd64', 'amd64', 'amd64']],
  ['another one', selector('arm64'), ['arm64', 'arm64', 'arm64']],
  ['another one by affinity', affinity(term('In', 'arm64'), term('In', 'arm64')), ['arm64', 'arm64', 'arm64']],
  ['one of several', affinity(term('In', 'arm64', 's390x')), ['amd64', 'amd64', 'amd64']],
  ['one in each term', affinity(term('In', 'arm64'), term('In', 's390x')), ['amd64', 'amd64', 'amd64']],
  ['one in some terms', affinity(term('In', 'arm64'), '{}'), ['amd64', 'amd64', 'amd64']],
  ['not this one', affinity(term('NotIn', 'amd64')), ['amd64', 'amd64', 'amd64']],
  ['another one for steps', `slipway: {step: {${selector('arm64')}}}`, ['amd64', 'arm64', 'arm64']],
  ['another one for builds', `slipway: {build: {${selector('arm64')}}}`, ['amd64', 'amd64', 'arm64']]
])('a template that asks for %s: jobs, steps and builds are of %3$s', async (_title, yaml, expected) => {
  const site = await asking(yaml)
  expect(KINDS.map((kind) => architectureFor(site, kind))).toEqual(expected)
})

test('what is built is built for the pod that runs it, and refused where it is not', async () => {
  expect(imageArchitecture(await asking(selector('arm64')))).toBe('arm64')
  const site = await asking(`slipway: {build: {${selector('s390x')}}}`)
  expect(() => imageArchitecture(site)).toThrow(/asks for s390x nodes for builds and amd64 nodes for steps/)
})

test('the selector of the template is added to, and a build pod follows the nodes that steps ask for', async () => {
  const plan = { contextDirectory: '/home/runner/_work/a', dockerfile: 'Dockerfile', builder: 'kaniko' } as const
  const template = await parseTemplate(
    `${selector('arm64')}\nslipway: {build: {spec: {nodeSelector: {pool: ci}}}}`,
    '/t'
  )
  const site = siteOf('copy', { template })
  const input = {
    plan: { ...plan, contentHash: '', pushReference: 'r/h:1', pullRepository: 'r/h' },
    nonce: '0',
    attempt: 1,
    pushTriesMax: 1,
    deadlineMs: 1
  }
  const { pod } = applyTemplate(buildPod(site, chooseBuilder({}), input), template, 'build')
  expect(pod.spec?.nodeSelector).toEqual({ 'kubernetes.io/arch': 'arm64', pool: 'ci' })
})
