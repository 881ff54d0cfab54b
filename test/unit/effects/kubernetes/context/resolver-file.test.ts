/** Goal: the container that pushes resolves names by a file that no other container can write, and only by one that fits. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1PodSpec } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { usualResolverFile } from '../../../../../src/effects/kubernetes/context/resolver-file.ts'
import { parseTemplate } from '../../../../../src/effects/kubernetes/template/read.ts'
import { runnerPod } from '../context-fixture.ts'

const TEXT = 'search arc.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n'
let directory = ''
let path = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-resolver-'))
  path = join(directory, 'resolv.conf')
  await writeFile(path, TEXT)
})
afterEach(() => rm(directory, { recursive: true }))

const podWith = (spec: Partial<V1PodSpec>) => {
  const pod = runnerPod('volume')
  return { ...pod, spec: { containers: [], ...pod.spec, ...spec } }
}

describe("the runner pod's resolver file", () => {
  it.each<[string, Partial<V1PodSpec>]>([
    ['nothing', {}],
    ['the usual', { dnsPolicy: 'ClusterFirst', hostNetwork: false }]
  ])('is what a build pod gets when both ask for %s', async (_title, spec) => {
    expect(await usualResolverFile(podWith(spec), undefined, path)).toBe(TEXT)
  })

  it.each<[string, Partial<V1PodSpec>]>([
    ['the network of its node', { hostNetwork: true }],
    ['the names of its node', { dnsPolicy: 'Default' }],
    ['those of the cluster in the network of its node', { dnsPolicy: 'ClusterFirstWithHostNet' }],
    ['servers of its own', { dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.1'] } }],
    ['options of its own', { dnsConfig: { options: [{ name: 'ndots', value: '2' }] } }]
  ])('is not used when the runner pod has %s', async (_title, spec) => {
    expect(await usualResolverFile(podWith(spec), undefined, path)).toBeUndefined()
  })

  it.each(['hostNetwork: true', 'dnsPolicy: Default', 'dnsConfig: { options: [] }'])(
    'is not used when the template gives build pods %s',
    async (line) => {
      const template = await parseTemplate(`slipway: { build: { spec: { ${line} } } }`, 'template.yaml')
      expect(await usualResolverFile(podWith({}), template, path)).toBeUndefined()
    }
  )

  it('is used whatever the template says of other pods', async () => {
    const template = await parseTemplate(
      'spec: { dnsPolicy: Default }\nslipway: { build: { spec: {} } }',
      'template.yaml'
    )
    expect(await usualResolverFile(podWith({}), template, path)).toBe(TEXT)
  })

  it.each([
    ['names no server', '# nameserver\n'],
    ['is larger than any that a kubelet writes', `${TEXT}# ${'x'.repeat(5_000)}\n`]
  ])('is not used when it %s', async (_title, text) => {
    await writeFile(path, text)
    expect(await usualResolverFile(podWith({}), undefined, path)).toBeUndefined()
  })

  it('is not used when there is none', async () => {
    expect(await usualResolverFile(podWith({}), undefined, join(directory, 'nothing'))).toBeUndefined()
  })
})
