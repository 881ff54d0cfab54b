/** Doctor names runners that may land on nodes of either architecture, and nothing else. */
import { expect, test } from 'vitest'
import { judgeArchitectures } from '../../../../src/cli/doctor/architectures.ts'

const runner = (spec: object) => ({ spec: { containers: [], ...spec } })
const asking = { nodeSelector: { 'kubernetes.io/arch': 'arm64' } }

test.each([
  [[], {}, 'pass', /without a label/],
  [['amd64', 'amd64'], {}, 'pass', /all nodes are amd64/],
  [['arm64', 'amd64', 'amd64'], asking, 'pass', /nodes of amd64, arm64; this runner asks for arm64/],
  [
    ['arm64', 'amd64'],
    { nodeSelector: { pool: 'ci' } },
    'warn',
    /nodes of amd64, arm64, and the runner pod asks for none/
  ]
])('nodes of %j, and a runner pod with %j: %s', (found, spec, status, why) => {
  const finding = judgeArchitectures(found, runner(spec))
  expect(finding).toMatchObject({ status, why: expect.stringMatching(why) })
  expect(finding.fix === undefined).toBe(status === 'pass')
})
