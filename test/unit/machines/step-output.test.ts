/** Goal: the output of a container step names the image that ran and where it came from, for the summary of the step. */
import { expect, test } from 'vitest'
import { runContainerStep } from '../../../src/effects/run/wire.ts'
import type { Clock, StepPorts } from '../../../src/machines/ports.ts'
import { BUDGETS } from '../../../src/machines/stages.ts'
import type { Resolution } from '../../../src/machines/types.ts'
import { BUILT_IN_PLACE, HANDED_OVER, PUSHED_IMAGE, REQUEST, RESOLUTIONS } from '../../support/container-step-model.ts'

const clock: Clock = {
  now: () => 0,
  jitter: (ms) => ms,
  sleep: (_ms, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

const portsFor = (kind: Resolution['kind']): StepPorts => ({
  clock,
  resolver: { resolve: async () => RESOLUTIONS[kind] },
  joiner: { join: async () => ({ image: PUSHED_IMAGE }) },
  builder: { build: async () => ({ digest: 'sha256:0' }) },
  pusher: { push: async () => PUSHED_IMAGE },
  inPlace: {
    take: async () => ({ inPlace: BUILT_IN_PLACE }),
    buildInPlace: async () => BUILT_IN_PLACE,
    handOver: async () => HANDED_OVER
  },
  runner: { pull: async () => ({}), run: async () => ({ exitCode: 0 }) },
  workspace: { collect: async () => {} },
  janitor: { cleanUp: async () => {} }
})

test.each<[Resolution['kind'], string | undefined]>([
  ['prebuilt', 'alpine:3.22'],
  ['cached', PUSHED_IMAGE],
  ['build', PUSHED_IMAGE],
  ['ahead', PUSHED_IMAGE],
  ['in-place', undefined],
  ['standing', undefined]
])('an image that is %s', async (kind, image) => {
  const output = await runContainerStep({ request: REQUEST, ports: portsFor(kind), budgets: BUDGETS, observers: [] })
  expect(output).toMatchObject({ outcome: 'succeeded', exitCode: 0, image, imageSource: kind })
})
