/** Goal: what does not fit a machine does not compile. Method: `tsc` fails where a line below compiles in spite of its mark. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import { createActor, fromPromise } from 'xstate'
import { containerStep } from '../../../src/machines/container-step.ts'
import type { Ledger } from '../../../src/machines/ledger.ts'
import { defineMachine, port } from '../../../src/machines/machine.ts'
import type { RunContext, RunOutput } from '../../../src/machines/run.ts'
import { JOB_STAGES, SCRIPT_BUDGETS, SCRIPT_STAGES } from '../../../src/machines/stages.ts'
import type { BuildPlan, BuiltImage } from '../../../src/machines/types.ts'
import { edgesOf } from '../../support/machine-graph.ts'
import { ALL_SCRIPTED } from '../../support/scripted-machines.ts'
import { STAGES_OF } from '../../support/stages-of.ts'

type Name = 'executing' | 'cleaningUp'
interface Context extends RunContext<BuildPlan, Name> {
  readonly built?: BuiltImage | undefined
}

const definition = {
  id: 'small',
  stages: SCRIPT_STAGES,
  types: { context: {} as Context, output: {} as RunOutput<Name> },
  actors: { build: port<BuildPlan, BuiltImage>(), push: port<{ readonly digest: string }, string>() }
}
const { attempts, cleaningUp, machine } = defineMachine(definition)

const good = {
  actor: 'build',
  input: ({ request }: Context) => request,
  creates: () => [],
  onDone: (_context: Context, built: BuiltImage) => ({ built, exitCode: 0 }),
  done: [{ target: 'succeeded' }]
} as const
const states = { executing: attempts('executing', good), cleaningUp: cleaningUp(['cancelled', 'failed']) }
const whole = { initial: 'executing', output: () => ({}), states } as const

/** Nothing here is ever called: it is for the compiler. */
const wrong = [
  // @ts-expect-error no such stage
  () => attempts('bulding', good),
  // @ts-expect-error no such actor
  () => attempts('executing', { ...good, actor: 'bulid' }),
  // @ts-expect-error no such state
  () => attempts('executing', { ...good, done: [{ target: 'succeded' }] }),
  // @ts-expect-error a state of another machine
  () => attempts('executing', { ...good, failed: 'collecting' }),
  // @ts-expect-error what another actor takes
  () => attempts('executing', { ...good, input: () => ({ digest: '' }) }),
  // @ts-expect-error what another actor gives
  () => attempts('executing', { ...good, onDone: (_context: Context, image: string) => ({ image }) }),
  // @ts-expect-error what the context has no room for
  () => attempts('executing', { ...good, onDone: (_context: Context, built: BuiltImage) => ({ exitCode: built }) }),
  // @ts-expect-error its table says that it creates something, so the ledger must know
  () => attempts('executing', { ...good, creates: undefined }),
  // @ts-expect-error no outcome that cleanup decides
  () => cleaningUp('stuck'),
  // @ts-expect-error a stage of the table is missing
  () => machine({ ...whole, states: { executing: states.executing } }),
  // @ts-expect-error one stage in another's place
  () => machine({ ...whole, states: { ...states, executing: states.cleaningUp } }),
  // @ts-expect-error the table of another machine
  () => defineMachine({ ...definition, stages: JOB_STAGES }),
  // @ts-expect-error a port with another output
  () => containerStep.provide({ actors: { build: fromPromise<string, BuildPlan>(async () => '') } }),
  // @ts-expect-error an actor that the machine does not have
  () => containerStep.provide({ actors: { bulid: fromPromise(async () => {}) } })
]

describe('a machine', () => {
  it('is typed by what it is made of', () => {
    expect(wrong.length).toBeGreaterThan(0)
    const small = machine(whole)
    expectTypeOf(createActor(small, { input: {} as never }).getSnapshot().context.built).toEqualTypeOf<
      BuiltImage | undefined
    >()
  })

  it('whose ports nobody provided fails, and does not wait for ever', async () => {
    const actor = createActor(machine(whole), {
      input: { request: {} as BuildPlan, budgets: SCRIPT_BUDGETS, now: () => 0 }
    })
    const failed = new Promise((resolve) => actor.subscribe({ error: resolve }))
    actor.start()
    expect(await failed).toMatchObject({ code: 'internal' })
  })
})

describe.each(ALL_SCRIPTED.map(({ id, model }) => [id, model] as const))('the ledger of %s', (id, model) => {
  it('knows only of kinds that the table of its stages names', () => {
    for (const { state, nextState } of edgesOf(model)) {
      const { ledger: before } = state.context as { readonly ledger: Ledger }
      const { ledger } = nextState.context as { readonly ledger: Ledger }
      const [stage = ''] = Object.keys(nextState.value as object)
      const kinds = ledger.slice(before.length).map(({ kind }) => kind)
      // Listing does not create: it finds what others have made.
      const named = id === 'job-cleanup' ? kinds : (STAGES_OF[id]?.[stage]?.creates ?? [])
      expect(named, stage).toEqual(expect.arrayContaining(kinds))
    }
  })
})
