/**
 * Makes a machine out of stages, with types bound to that one machine: a wrong actor, target, input or output does not compile,
 * and neither does a stage that is in the table and not in the machine.
 */
import {
  fromPromise,
  type InputFrom,
  type MetaObject,
  type OutputFrom,
  type PromiseActorLogic,
  type StateMachine,
  type StateSchema,
  type StateValue,
  setup,
  type UnknownActorLogic
} from 'xstate'
import { StepError } from '../errors.ts'
import { cleanUp, endingOf, exitCodeOf, FINAL_STATES, NOTHING_ENDED, outcomeOf } from './ending.ts'
import type { CleanUpInput, PushState } from './inputs.ts'
import type { Ledger } from './ledger.ts'
import { repeating } from './repeating-stage.ts'
import type { Fact, Outcome, RunContext, RunEvent, RunInput, RunOutput } from './run.ts'
import {
  type AnyContext,
  attempts,
  type BackOffInput,
  type BudgetInput,
  oneAttempt,
  type StageOptions
} from './stage.ts'
import type { AnyStageName } from './stages.ts'
import type { Stage, Stages } from './table.ts'

const notProvided = async (): Promise<never> => {
  throw new StepError('internal', 'a port of this machine was not provided')
}

/** What a state needs of the context, and every way into that state has brought. */
export function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new StepError('internal', `${what} is not known in this state`)
  return value
}

/** An actor that stands for a method of a port; effects/run/wire connects them. */
export const port = <Input, Output>(): PromiseActorLogic<Output, Input> => fromPromise<Output, Input>(notProvided)

/** The actors that every machine has. */
const COMMON_ACTORS = {
  cleanUp: port<CleanUpInput, void>(),
  budget: port<BudgetInput, void>(),
  backOff: port<BackOffInput, void>()
}

type Actors = Readonly<Record<string, UnknownActorLogic>>
type NameOf<Table> = keyof Table & AnyStageName

/** What a machine is made of. `types` holds no values, only types. */
interface Definition<Table extends Stages, Context, Output, Own extends Actors> {
  readonly id: string
  readonly stages: Table
  readonly types: { readonly context: Context; readonly output: Output }
  /** Besides those that every machine has. */
  readonly actors: Own
}

/** What a stage says of itself; the rest is the same for all of them. */
type Options<Context, Row, Actor extends string, Logic, State extends string, Input = InputFrom<Logic>> = Pick<
  StageOptions<Context, Input, OutputFrom<Logic>, State>,
  'input' | 'onDone' | 'done'
> & {
  readonly actor: Actor
  /** Where a failure leads: to cleaningUp where there is one, unless something else is said. */
  readonly failed?: State
  /** What is noted about it, in place of the run's failure. */
  onFailed?(context: Context, error: StepError): Partial<Context>
} & (Row extends { readonly creates: readonly unknown[] }
    ? { creates(context: Context): Ledger }
    : { readonly creates?: never })

declare const name: unique symbol
/** The configuration of one stage. Whose it is, is in its type only. */
type Configured<Name> = (ReturnType<typeof attempts> | ReturnType<typeof oneAttempt> | ReturnType<typeof repeating>) & {
  readonly [name]?: Name
}

/** A machine, typed as XState types what `setup()` makes. */
export type Machine<Context extends AnyContext, Output, All extends Actors> = StateMachine<
  Context,
  RunEvent,
  Record<string, never>,
  { [Src in keyof All & string]: { src: Src; logic: All[Src]; id: string | undefined } }[keyof All & string],
  never,
  never,
  never,
  StateValue,
  string,
  RunInput<Context['request'], keyof Context['budgets'] & string>,
  Output,
  Fact,
  MetaObject,
  StateSchema
>

/** The stages and ends of a machine, as functions that know its actors and states. */
export function defineMachine<
  const Table extends Stages,
  Context extends RunContext<unknown, NameOf<Table>>,
  Output extends RunOutput<NameOf<Table>>,
  Own extends Actors
>({ id, stages, actors }: Definition<Table, Context, Output, Own>) {
  type Name = NameOf<Table>
  type All = Own & typeof COMMON_ACTORS
  const inMachine = (stage: Name) => ({ machine: id, name: stage, stage: stages[stage] as Stage })
  const commonOf = (stage: Name, failed?: string) => endingOf(inMachine(stage), 'cleaningUp' in stages, failed)
  const of =
    (kind: typeof attempts | typeof oneAttempt) =>
    <const Of extends Name, const Src extends keyof Own & string>(
      stage: Of,
      options: Options<Context, Table[Of], Src, Own[Src], Name | Outcome>
    ): Configured<Of> =>
      kind(inMachine(stage), { ...commonOf(stage, options.failed), ...options })

  return {
    /** A stage of bounded attempts. */
    attempts: of(attempts),
    /** A stage that is attempted once. */
    once: of(oneAttempt),
    /** A stage whose actor tries again by itself, and tells of it. */
    repeating: <const Of extends Name, const Src extends keyof Own & string>(
      stage: Of,
      options: Options<Context, Table[Of], Src, Own[Src], Name | Outcome, Omit<InputFrom<Own[Src]>, 'tell'>>
    ): Configured<Of> => repeating(inMachine(stage), { ...commonOf(stage, options.failed), ...options }),
    /** The stage that every failure and every CANCEL leads through. */
    cleaningUp: (
      ends: readonly Exclude<Outcome, 'stuck'>[],
      pushStateOf: (context: Context) => PushState = () => 'none'
    ): Configured<'cleaningUp'> =>
      cleanUp(inMachine('cleaningUp' as Name), ends, (context) => pushStateOf(context as Context)),
    machine(config: {
      readonly initial: Name
      /** What the output has besides what every output has. */
      output(context: Context): Omit<Output, keyof RunOutput<Name>>
      readonly states: { readonly [State in Name]: Configured<State> }
    }): Machine<Context, Output, All> {
      const { createMachine } = setup({
        types: {
          context: {} as AnyContext,
          events: {} as RunEvent,
          input: {} as RunInput<unknown, string>,
          emitted: {} as Fact,
          meta: {} as MetaObject
        },
        actors: { ...actors, ...COMMON_ACTORS } as Actors
      })
      const made = createMachine({
        id,
        context: ({ input }) => ({ ...NOTHING_ENDED, ...input }),
        initial: config.initial,
        states: { ...config.states, ...FINAL_STATES },
        output: ({ context }) => ({
          outcome: outcomeOf(context),
          exitCode: exitCodeOf(context),
          failure: context.failure,
          remaining: context.remaining,
          stages: context.stages,
          ...config.output(context as Context)
        })
      })
      // Above, the types are those of any machine. That the parts fit this one is what the types of the parts ask for, and
      // that they do what they say is checked by the model suite, which takes every transition.
      return made as unknown as Machine<Context, Output, All>
    }
  }
}
