/** What a pod says of the job it is for: texts of workflows, cleaned and cut to what Kubernetes takes. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { podMetadata } from '../../../../../src/effects/kubernetes/specs/metadata.ts'

const runnerPod = { metadata: { name: 'runner-abc', uid: 'uid' } }
const said = (workflow: string) => {
  const { labels, annotations } = podMetadata({ runnerPod, origin: { workflow } }, 'pod')
  return { label: labels?.['slipway/workflow'], annotation: annotations?.['slipway/workflow'] }
}

describe('a text of GitHub', () => {
  it.each([
    ['owner/repo', 'owner.repo', 'owner/repo'],
    ['Build & test', 'Build_test', 'Build & test'],
    ['.github/workflows/ci.yaml', 'github.workflows.ci.yaml', '.github/workflows/ci.yaml'],
    ['ビルド', undefined, 'ビルド'],
    ['ビルド 2', '2', 'ビルド 2'],
    ['', undefined, undefined],
    ['a\u001b[31m\nb\u202e\ud800', 'a_31m_b', 'a_[31m_b__'],
    ['x'.repeat(300), 'x'.repeat(63), 'x'.repeat(256)],
    [`${'x'.repeat(62)}--y`, 'x'.repeat(62), `${'x'.repeat(62)}--y`],
    [`${'-'.repeat(70)}y`, 'y', `${'-'.repeat(70)}y`]
  ])('%j is the label %j and the annotation %j', (text, label, annotation) => {
    expect(said(text)).toEqual({ label, annotation })
  })

  it('is always what Kubernetes takes, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 400 }), (codes) => {
        const { label = 'none', annotation = '' } = said(String.fromCharCode(...codes))
        expect(label).toMatch(/^(?=.{1,63}$)[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$/)
        expect([...annotation].length).toBeLessThanOrEqual(256)
        expect(annotation).not.toMatch(/\p{C}/u)
      })
    )
  })
})

test('a pod that nobody says anything of is still found, and not moved', () => {
  expect(podMetadata({ runnerPod }, 'pod')).toMatchObject({
    name: 'pod',
    labels: { 'runner-pod': 'runner-abc', 'app.kubernetes.io/managed-by': 'slipway' },
    annotations: {
      'karpenter.sh/do-not-disrupt': 'true',
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false'
    }
  })
})
