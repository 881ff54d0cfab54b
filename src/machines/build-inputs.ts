/** What building and pushing are told, from what their machine knows: for a step and for a build ahead alike. */
import type { BuildAttempt, BuildInPlaceInput, BuildInput, PushInput } from './inputs.ts'
import { known } from './machine.ts'
import type { StageRecord } from './run.ts'
import { attemptsOf } from './stage.ts'
import type { StageBudget } from './table.ts'
import type { BuildPlan, BuildSource, BuiltImage, Resolution, StepRequest } from './types.ts'

interface Context {
  readonly stages: Readonly<Record<string, StageRecord | undefined>>
  readonly budgets: Readonly<Record<'building' | 'pushing', StageBudget>>
  readonly resolution?: Resolution | undefined
  readonly built?: BuiltImage | undefined
}

export const resolutionOf = ({ resolution }: Pick<Context, 'resolution'>): Resolution =>
  known(resolution, 'what was resolved')

export const planOf = ({ resolution }: Pick<Context, 'resolution'>): BuildPlan =>
  known(resolution !== undefined && 'plan' in resolution ? resolution.plan : undefined, 'what to build')

export const sourceOf = ({ resolution }: Pick<Context, 'resolution'>): BuildSource =>
  known(resolution !== undefined && 'source' in resolution ? resolution.source : undefined, 'what to build in place')

const buildAttempt = (
  context: Pick<Context, 'resolution' | 'stages'>,
  stage: 'building' | 'buildingInPlace'
): BuildAttempt => ({
  nonce: resolutionOf(context).nonce,
  attempt: attemptsOf(context, stage),
  failedWith: context.stages[stage]?.lastFailure?.code
})

export const buildInput = (context: Context): BuildInput => {
  const { building, pushing } = context.budgets
  return {
    ...buildAttempt(context, 'building'),
    plan: planOf(context),
    pushTriesMax: pushing.attemptsMax,
    deadlineMs: building.budgetMs + pushing.budgetMs
  }
}

export const buildInPlaceInput = (
  context: Pick<Context, 'resolution' | 'stages'>,
  request: StepRequest
): BuildInPlaceInput => ({
  ...buildAttempt(context, 'buildingInPlace'),
  source: sourceOf(context),
  request
})

export const pushInput = (context: Context): PushInput => {
  const { attemptsMax: triesMax, backOffMs, backOffMsMax } = context.budgets.pushing
  return {
    plan: planOf(context),
    built: known(context.built, 'the built image'),
    tries: { triesMax, backOffMs, backOffMsMax }
  }
}
