/** Random scenarios for fast-check: every behaviour of every call, any error code, tight budgets, cancel orders at any moment. */
import fc from 'fast-check'
import { ERROR_CODES, type ErrorCode } from '../../src/errors.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'
import type { StageBudget } from '../../src/machines/table.ts'
import type { Scenario } from './scenario.ts'
import type { Behaviour, Script } from './script.ts'
import type { ScriptedMachine } from './scripted-machines.ts'

const code = fc.constantFrom(...(Object.keys(ERROR_CODES) as ErrorCode[]))
const transientCode = fc.constantFrom(
  ...(Object.keys(ERROR_CODES) as ErrorCode[]).filter((name) => ERROR_CODES[name].retryable)
)
/** Mostly shorter than the budgets below, sometimes longer than a hurried cleanup may take. */
const afterMs = fc.oneof({ weight: 6, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.nat(8_000) })

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('succeed' as const), afterMs }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('fail' as const), afterMs, code: transientCode }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('fail' as const), afterMs, code }) },
  { weight: 1, arbitrary: fc.constant({ does: 'hangUntilAborted' as const }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('succeedDespiteAbort' as const), afterMs }) }
)

const budget: fc.Arbitrary<StageBudget> = fc.record({
  budgetMs: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(60_000)),
  attemptsMax: fc.integer({ min: 1, max: 3 }),
  backOffMs: fc.nat(50),
  backOffMsMax: fc.nat(100)
})

const perStage = <T>(stages: readonly AnyStageName[], arbitrary: fc.Arbitrary<T>) =>
  fc.record(Object.fromEntries(stages.map((name) => [name, arbitrary])) as Record<AnyStageName, fc.Arbitrary<T>>)

/** Long enough for second and third cancel orders to come while it goes on. */
const slowBehaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.record({ does: fc.constant('succeed' as const), afterMs: fc.nat(8_000) }),
  fc.record({
    does: fc.constant('fail' as const),
    afterMs: fc.nat(4_000),
    code: fc.constant('cleanup-failed' as const)
  }),
  fc.constant({ does: 'hangUntilAborted' as const })
)

const scripts = (stages: readonly AnyStageName[]): fc.Arbitrary<Script> =>
  fc.record({
    resolution: fc.constantFrom(
      ...(['build', 'in-place', 'ahead', 'standing'] as const),
      ...(['build', 'in-place', 'ahead', 'standing'] as const),
      ...(['cached', 'prebuilt'] as const)
    ),
    exitCode: fc.oneof(fc.constant(0), fc.nat(255)),
    calls: fc
      .record({
        calls: perStage(stages, fc.array(behaviour, { maxLength: 4 })),
        cleaningUp: fc.array(fc.oneof(behaviour, slowBehaviour), { maxLength: 6 })
      })
      .map(({ calls, cleaningUp }) => ({ ...calls, cleaningUp }))
  })

/** At most three, each shortly after the one before it or together with it. */
const cancelAtTicks = fc
  .tuple(fc.nat(12), fc.array(fc.nat(2), { maxLength: 2 }))
  .map(([first, gaps]) => [first, ...gaps.map((_, at) => gaps.slice(0, at + 1).reduce((sum, gap) => sum + gap, first))])

export const scenariosOf = ({ id, stages }: ScriptedMachine): fc.Arbitrary<Scenario> =>
  fc
    .record({
      script: scripts(stages),
      budgets: perStage(stages, budget),
      cancelAtTicks: fc.oneof(fc.constant([]), cancelAtTicks),
      jitter: fc.double({ min: 0.5, max: 1, noNaN: true })
    })
    .map((scenario) => ({ machine: id, ...scenario }))
