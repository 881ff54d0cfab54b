/** The container-step machine as the model suites walk it, and the data that scripted steps are made of. */

import { containerStep } from '../../src/machines/container-step.ts'
import type { StageName } from '../../src/machines/stages.ts'
import type {
  BuildPlan,
  BuildSource,
  BuiltInPlace,
  HandedOver,
  Resolution,
  StepRequest
} from '../../src/machines/types.ts'
import type { Answer } from './machine-graph.ts'
import { createStagedModel, failures } from './staged-model.ts'

export const SECRET = 'correct-horse-battery-staple'

export const REQUEST: StepRequest = {
  dockerfile: '/runner/_work/_actions/acme/greet/v1/Dockerfile',
  args: ['--token', SECRET],
  env: { INPUT_TOKEN: SECRET },
  workingDirectory: '/github/workspace',
  mounts: []
}

export const SOURCE: BuildSource = {
  contextDirectory: '/runner/_work/_actions/acme/greet/v1',
  dockerfile: 'Dockerfile',
  contentHash: 'c'.repeat(64)
}

export const PLAN: BuildPlan = {
  ...SOURCE,
  pushReference: 'registry:5000/handle:tag',
  pullRepository: 'localhost:30500/handle'
}

export const DIGEST = `sha256:${'a'.repeat(64)}`
export const PUSHED_IMAGE = `${PLAN.pullRepository}@${DIGEST}`

const nonce = '0a1b2c3d'
const creates = {
  building: [
    { kind: 'build-pod', name: 'build-1' },
    { kind: 'image', name: PLAN.pushReference }
  ],
  pulling: [{ kind: 'pod', name: 'step-1' }]
} as const

export const BUILT_IN_PLACE: BuiltInPlace = { pod: 'build-1', marker: 'built' }
export const HANDED_OVER: HandedOver = {
  copiedIn: {},
  inPlace: { ...BUILT_IN_PLACE, since: '2026-11-28T12:00:00Z' }
}

/** What resolving can decide. */
export const RESOLUTIONS: Readonly<Record<Resolution['kind'], Resolution>> = {
  build: { kind: 'build', nonce, plan: PLAN, creates },
  cached: { kind: 'cached', nonce, image: PUSHED_IMAGE, creates: { building: [], pulling: creates.pulling } },
  'in-place': {
    kind: 'in-place',
    nonce,
    source: SOURCE,
    creates: { buildingInPlace: [{ kind: 'build-pod', name: 'build-1' }] }
  },
  standing: {
    kind: 'standing',
    nonce,
    source: SOURCE,
    standing: { pod: 'build-0', marker: 'built ahead' },
    creates: {
      taking: [{ kind: 'standing-pod', name: 'build-0', takenBy: nonce }],
      buildingInPlace: [{ kind: 'build-pod', name: 'build-1' }]
    }
  },
  ahead: { kind: 'ahead', nonce, plan: PLAN, building: { pod: 'build-0' }, creates },
  prebuilt: { kind: 'prebuilt', nonce, image: 'alpine:3.22', creates: { building: [], pulling: creates.pulling } }
}

const answers: Readonly<Partial<Record<StageName, readonly Answer[]>>> = {
  resolving: [
    { says: 'to build', output: RESOLUTIONS.build },
    { says: 'to build in place', output: RESOLUTIONS['in-place'] },
    { says: 'being built ahead', output: RESOLUTIONS.ahead },
    { says: 'built ahead in place', output: RESOLUTIONS.standing },
    { says: 'already built', output: RESOLUTIONS.cached },
    { says: 'prebuilt', output: RESOLUTIONS.prebuilt },
    ...failures('resolving')
  ],
  joining: [
    { says: 'joined', output: { image: PUSHED_IMAGE } },
    { says: 'nothing to join', output: {} },
    ...failures('joining')
  ],
  building: [{ says: 'built', output: { digest: DIGEST } }, ...failures('building')],
  pushing: [{ says: 'pushed', output: PUSHED_IMAGE }, ...failures('pushing')],
  pulling: [{ says: 'pulling done', output: {} }, ...failures('pulling')],
  taking: [
    { says: 'taken', output: { inPlace: BUILT_IN_PLACE } },
    { says: 'nothing to take', output: {} },
    ...failures('taking')
  ],
  buildingInPlace: [{ says: 'built in place', output: BUILT_IN_PLACE }, ...failures('buildingInPlace')],
  handingOver: [{ says: 'handed over', output: HANDED_OVER }, ...failures('handingOver')],
  running: [
    { says: 'exited with 0', output: { exitCode: 0 } },
    { says: 'exited with 3', output: { exitCode: 3 } },
    ...failures('running')
  ]
}

export const containerStepModel = createStagedModel(containerStep, REQUEST, answers)
