/** How the model suites walk a machine that is made of stages: small budgets, and what actors of every stage may answer. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import { StepError } from '../../src/errors.ts'
import type { RunContext } from '../../src/machines/run.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'
import type { StageBudget } from '../../src/machines/table.ts'
import type { Answer, MachineModel } from './machine-graph.ts'

/** One failure that is retried and one that is not. */
export const failures = (what: string): readonly Answer[] => [
  { says: `${what} failed for good`, error: new StepError('cluster-forbidden', 'not allowed') },
  { says: `${what} failed for now`, error: new StepError('cluster-unreachable', 'no answer') }
]

/** What an actor tells that tries again by itself. */
const TOLD: Readonly<Record<string, readonly Answer[]>> = {
  TRY_FAILED: failures('a try'),
  TRY_STARTED: [{ says: 'next try' }]
}

const SMALL_BUDGET: StageBudget = { budgetMs: 1_000, attemptsMax: 2, backOffMs: 1, backOffMsMax: 1 }

/** `answers` are those of stages whose success says something; the others only succeed or fail. */
export function createStagedModel(
  machine: AnyStateMachine,
  request: unknown,
  answers: Readonly<Partial<Record<AnyStageName, readonly Answer[]>>>
): MachineModel {
  const stageNames = Object.values(machine.root.states)
    .filter(({ type }) => type !== 'final')
    .map(({ key }) => key as AnyStageName)
  return {
    machine,
    input: { request, budgets: Object.fromEntries(stageNames.map((name) => [name, SMALL_BUDGET])), now: () => 0 },
    answersOf(actorId) {
      const told = TOLD[actorId]
      if (told !== undefined) return told
      const [name = '', part] = actorId.split('.')
      if (part === 'budget') return [{ says: `${name} took too long`, output: undefined }]
      if (part === 'backOff') return [{ says: 'backed off', output: undefined }]
      return answers[name as AnyStageName] ?? [{ says: `${name} done`, output: undefined }, ...failures(name)]
    },
    /** State, and of the context what guards read; attempts of stages that are over decide nothing any more. */
    keyOf(snapshot: AnyMachineSnapshot) {
      const { stages, cancelled, urgency, failure, exitCode, ledger, stuck, images } = snapshot.context as RunContext<
        unknown,
        AnyStageName
      > & { readonly images?: unknown }
      const current = stageNames.find((name) => snapshot.matches(name as never))
      const attempts = current && stages[current]?.attempts
      const failed = failure?.stage
      return JSON.stringify([
        snapshot.value,
        { attempts, cancelled, urgency, failed, exitCode, ledger: ledger.length, stuck, images: images !== undefined }
      ])
    }
  }
}
