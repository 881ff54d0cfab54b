/** What the machine tells each port of a step that goes well, for tests that ask a port themselves. */

import type { BuildInput, CleanUpInput, ImageInput, PushInput, ResolveInput } from '../../src/machines/inputs.ts'
import type { Ledger } from '../../src/machines/ledger.ts'
import { BUDGETS } from '../../src/machines/stages.ts'
import type { BuildPlan, BuiltImage, Resolution, StepRequest } from '../../src/machines/types.ts'

export const toResolve = (request: StepRequest): ResolveInput => ({
  request,
  buildAttemptsMax: BUDGETS.building.attemptsMax
})

export const toBuild = ({ plan, nonce }: Pick<BuildInput, 'plan' | 'nonce'>, attempt = 1): BuildInput => ({
  plan,
  nonce,
  attempt,
  pushTriesMax: BUDGETS.pushing.attemptsMax,
  deadlineMs: BUDGETS.building.budgetMs + BUDGETS.pushing.budgetMs
})

const { attemptsMax: triesMax, backOffMs, backOffMsMax } = BUDGETS.pushing
const TRIES = { triesMax, backOffMs, backOffMsMax }

export const toPush = (plan: BuildPlan, built: BuiltImage): PushInput => ({
  plan,
  built,
  tries: TRIES
})

export const toRun = (image: string, request: StepRequest, { kind, nonce }: Resolution): ImageInput => ({
  image,
  request,
  nonce,
  isBuilt: kind !== 'prebuilt'
})

export const toCleanUp = (ledger: Ledger, hurried = false): CleanUpInput => ({ ledger, hurried, pushState: 'possible' })
