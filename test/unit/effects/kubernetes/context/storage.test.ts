/** Where the work directory is, read off the runner pod's own spec. */
import type { V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { detectStorage, workMount, workPath } from '../../../../../src/effects/kubernetes/context/storage.ts'
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

test('a claim that many nodes can mount does not pin pods to the node of the runner', () => {
  const volume = { ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteMany'] } } } }
  expect(detectStorage(withVolume(volume), { paths: PATHS }).nodeName).toBeUndefined()
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
