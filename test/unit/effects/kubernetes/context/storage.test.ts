/** Where the work directory is, read off the runner pod's own spec. */
import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import {
  detectStorage,
  discoverStorage,
  workMount,
  workPath
} from '../../../../../src/effects/kubernetes/context/storage.ts'
import { serveAccess } from '../../../../support/access-server.ts'
import { PATHS, runnerPod } from '../context-fixture.ts'

const withVolume = (volume: object, mount: object = {}): V1Pod => {
  const pod = runnerPod('copy')
  const [container] = pod.spec?.containers ?? []
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: [
        { ...container, name: 'runner', volumeMounts: [{ name: 'work', mountPath: '/home/runner/_work', ...mount }] }
      ],
      volumes: [{ name: 'work', ...volume }]
    }
  }
}
const claim = { persistentVolumeClaim: { claimName: 'shared' } }
const workspace = { source: '/home/runner/_work/repo/repo', target: '/github/workspace', readOnly: false }

test('an emptyDir means copy', () => {
  const { mode, nodeName } = detectStorage(runnerPod('copy'), { paths: PATHS })
  expect([mode, nodeName]).toEqual(['copy', undefined])
})

test("ARC's generic ephemeral volume means volume, by the claim that Kubernetes makes for it", () => {
  const storage = detectStorage(runnerPod('volume'), { paths: PATHS })
  expect(storage).toMatchObject({ mode: 'volume', nodeName: 'node-1' })
  expect(storage.volume.persistentVolumeClaim?.claimName).toBe('runner-abc-work')
})

test('a claim mounted at the work directory means volume', () => {
  const { mode, volume } = detectStorage(withVolume(claim), { paths: PATHS })
  expect(mode).toBe('volume')
  expect(volume.persistentVolumeClaim?.claimName).toBe('shared')
})

describe('where pods run in volume mode', () => {
  const options = { paths: PATHS }
  const template = (mode: string) =>
    withVolume({ ephemeral: { volumeClaimTemplate: { spec: { accessModes: [mode] } } } })
  /** The node that pods are kept on when the claim can be asked, and whether it was asked. */
  const look = async (pod: V1Pod, more: object, answer: readonly [number, object]) => {
    const paths: string[] = []
    const access = await serveAccess(({ url = '' }, response) => {
      paths.push(url.split('?')[0] ?? '')
      response.writeHead(answer[0]).end(JSON.stringify(answer[1]))
    })
    const signal = new AbortController().signal
    const { nodeName } = await discoverStorage(access, pod, { ...options, ...more }, signal)
    return [nodeName, paths]
  }
  const shared = [200, { spec: { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] } }] as const
  const notShared = [200, { spec: { accessModes: ['ReadWriteOnce'] } }] as const
  const forbidden = [403, {}] as const
  const asked = ['/api/v1/namespaces/ci/persistentvolumeclaims/shared']

  test.each([
    ['a claim that nodes share, where it can be read', withVolume(claim), {}, shared, undefined, asked],
    ['a claim of one node', withVolume(claim), {}, notShared, 'node-1', asked],
    ['a claim that may not be read', withVolume(claim), {}, forbidden, 'node-1', asked],
    [
      'a claim that the setting says is shared',
      withVolume(claim),
      { claimAccessMode: 'ReadWriteMany' },
      forbidden,
      undefined,
      []
    ],
    [
      'a claim that the setting says is not',
      withVolume(claim),
      { claimAccessMode: 'ReadWriteOnce' },
      shared,
      'node-1',
      []
    ],
    ["a shared one of the pod's own spec", template('ReadWriteMany'), {}, forbidden, undefined, []],
    ["another one of the pod's own spec", template('ReadWriteOnce'), {}, shared, 'node-1', []],
    [
      'a setting against that spec',
      template('ReadWriteMany'),
      { claimAccessMode: 'ReadWriteOnce' },
      shared,
      'node-1',
      []
    ],
    ['a named claim beside that spec', template('ReadWriteMany'), { claimName: 'shared' }, notShared, 'node-1', asked]
  ] as const)('%s', async (_what, pod, more, answer, node, paths) => {
    expect(await look(pod, more, answer)).toEqual([node, paths])
  })

  test('nothing is asked where files are copied', async () => {
    expect(await look(runnerPod('copy'), {}, shared)).toEqual([undefined, []])
  })
})

test('ACTIONS_RUNNER_CLAIM_NAME overrides what the pod says', () => {
  const { mode, volume } = detectStorage(runnerPod('copy'), { paths: PATHS, claimName: 'mine' })
  expect(mode).toBe('volume')
  expect(volume.persistentVolumeClaim?.claimName).toBe('mine')
})

test('a claim mounted elsewhere does not count', () => {
  expect(detectStorage(withVolume(claim, { mountPath: '/home/runner/cache' }), { paths: PATHS }).mode).toBe('copy')
})

test.each([
  ['at the work directory', {}, 'repo/repo'],
  ['above it', { mountPath: '/home/runner' }, '_work/repo/repo'],
  ['at a sub-path of the claim', { subPath: 'runner-7' }, 'runner-7/repo/repo']
])('sub-paths are right for a claim mounted %s', (_where, mount, expected) => {
  const storage = detectStorage(withVolume(claim, mount), { paths: PATHS })
  expect(workMount(storage, workspace)).toEqual({
    name: 'work',
    mountPath: '/github/workspace',
    readOnly: false,
    subPath: expected
  })
})

test('what lies outside of the work directory is refused with what to do', () => {
  const storage = detectStorage(runnerPod('copy'), { paths: PATHS })
  expect(() => workPath(storage, '/etc')).toThrow(/only what lies below/)
  expect(() => workPath(storage, '/home/runner/_workshop')).toThrow(/only what lies below/)
})
