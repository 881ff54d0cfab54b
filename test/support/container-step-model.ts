/** The container-step machine as the model suites walk it: small budgets, and everything its actors may answer. */
import type { AnyMachineSnapshot } from 'xstate'
import { StepError } from '../../src/errors.ts'
import { BUDGETS, type Budgets, type StageBudget, type StageName } from '../../src/machines/budgets.ts'
import { containerStep } from '../../src/machines/container-step.ts'
import type { BuildPlan, Resolution, StepContext, StepInput, StepRequest } from '../../src/machines/types.ts'
import type { Answer, MachineModel } from './machine-graph.ts'

export const STAGE_NAMES = Object.keys(BUDGETS) as readonly StageName[]

export const SECRET = 'correct-horse-battery-staple'

export const REQUEST: StepRequest = {
  dockerfile: '/runner/_work/_actions/acme/greet/v1/Dockerfile',
  args: ['--token', SECRET],
  env: { INPUT_TOKEN: SECRET },
  workingDirectory: '/github/workspace',
  mounts: []
}

export const PLAN: BuildPlan = {
  contextDirectory: '/runner/_work/_actions/acme/greet/v1',
  dockerfile: 'Dockerfile',
  pushReference: 'registry:5000/handle:tag',
  pullRepository: 'localhost:30500/handle'
}

export const DIGEST = `sha256:${'a'.repeat(64)}`
export const PUSHED_IMAGE = `${PLAN.pullRepository}@${DIGEST}`

const creates = {
  building: [
    { kind: 'secret', name: 'push-credentials' },
    { kind: 'pod', name: 'build-1' },
    { kind: 'image', name: PLAN.pushReference }
  ],
  pulling: [{ kind: 'pod', name: 'step-1' }]
} as const

/** The three things that resolving can decide. */
export const RESOLUTIONS: Readonly<Record<Resolution['kind'], Resolution>> = {
  build: { kind: 'build', plan: PLAN, creates },
  cached: { kind: 'cached', image: PUSHED_IMAGE, creates: { building: [], pulling: creates.pulling } },
  prebuilt: { kind: 'prebuilt', image: 'alpine:3.22', creates: { building: [], pulling: creates.pulling } }
}

const failures = (what: string): readonly Answer[] => [
  { says: `${what} failed for good`, error: new StepError('cluster-forbidden', 'not allowed') },
  { says: `${what} failed for now`, error: new StepError('cluster-unreachable', 'no answer') }
]

const ANSWERS: Readonly<Record<StageName, readonly Answer[]>> = {
  resolving: [
    { says: 'to build', output: RESOLUTIONS.build },
    { says: 'already built', output: RESOLUTIONS.cached },
    { says: 'prebuilt', output: RESOLUTIONS.prebuilt },
    ...failures('resolving')
  ],
  building: [{ says: 'built', output: { digest: DIGEST } }, ...failures('building')],
  pushing: [{ says: 'pushed', output: PUSHED_IMAGE }, ...failures('pushing')],
  pulling: [{ says: 'pulled', output: undefined }, ...failures('pulling')],
  running: [
    { says: 'exited with 0', output: { exitCode: 0 } },
    { says: 'exited with 3', output: { exitCode: 3 } },
    ...failures('running')
  ],
  collecting: [{ says: 'collected', output: undefined }, ...failures('collecting')],
  cleaningUp: [{ says: 'cleaned up', output: undefined }, ...failures('cleaning up')]
}

function answersOf(actorId: string): readonly Answer[] {
  const [stage = '', part] = actorId.split('.')
  if (part === 'budget') return [{ says: `${stage} took too long`, output: undefined }]
  if (part === 'backOff') return [{ says: 'backed off', output: undefined }]
  return ANSWERS[stage as StageName] ?? []
}

/** State, and of the context what guards read; attempts of stages that are over decide nothing any more. */
function keyOf(snapshot: AnyMachineSnapshot): string {
  const { stages, cancelled, urgency, failure, exitCode, resolution, ledger, stuck } = snapshot.context as StepContext
  const current = STAGE_NAMES.find((stage) => snapshot.matches(stage as never))
  return JSON.stringify([
    snapshot.value,
    current && stages[current]?.attempts,
    { cancelled, urgency, failed: failure?.stage, exitCode, resolved: resolution?.kind, ledger: ledger.length, stuck }
  ])
}

const SMALL_BUDGET: StageBudget = { budgetMs: 1_000, attemptsMax: 2, backOffMs: 1, backOffMsMax: 1 }

const input: StepInput = {
  request: REQUEST,
  budgets: Object.fromEntries(STAGE_NAMES.map((stage) => [stage, SMALL_BUDGET])) as Budgets,
  now: () => 0
}

export const containerStepModel: MachineModel = { machine: containerStep, input, answersOf, keyOf }
