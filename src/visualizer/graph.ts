/** The graph of a production machine as plain data with stable ids, for the diagrams, the page and the comparison. */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { getStateNodes } from 'xstate/graph'
import { aheadBuild } from '../machines/ahead-build.ts'
import { containerStep } from '../machines/container-step.ts'
import type { TryEvent } from '../machines/inputs.ts'
import { jobCleanup } from '../machines/job-cleanup.ts'
import { jobStart } from '../machines/job-start.ts'
import { scriptStep } from '../machines/script-step.ts'
import type { Stage, StateMeta } from '../machines/table.ts'
import {
  GRAPH_FORMAT,
  type GraphState,
  type GraphTransition,
  type MachineGraph,
  type MachineSet
} from './graph-format.ts'

/** The machines that Slipway runs on, in the order in which they are shown. */
export const MACHINES: readonly AnyStateMachine[] = [containerStep, jobStart, scriptStep, jobCleanup, aheadBuild]

const BACK_OFF = '.backOff'

/** `Backing off` for `backingOff`. */
function inWords(key: string): string {
  const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** What an actor tells that tries again by itself. */
const TRY_FAILED = 'TRY_FAILED' satisfies TryEvent['type']
const TRY_STARTED = 'TRY_STARTED' satisfies TryEvent['type']

const waitsForNextAttempt = (node: AnyStateNode): boolean =>
  node.invoke.some(({ id }) => id.endsWith(BACK_OFF)) || node.ownEvents.includes(TRY_STARTED)

function toState(machine: AnyStateMachine, node: AnyStateNode): GraphState {
  const meta = node.meta as (StateMeta & Partial<Stage>) | undefined
  const { parent } = node
  const isRetried = Object.values(node.states).some(waitsForNextAttempt)
  const { purpose, port, budget, codes, creates } = meta ?? {}
  return {
    id: node.id,
    ...(parent !== undefined && parent !== machine.root && { parent: parent.id }),
    kind: node.type === 'final' ? 'end' : meta === undefined ? 'part' : 'stage',
    label: meta?.label ?? inWords(node.key),
    initial: parent?.initial.target.includes(node) ?? false,
    ...(purpose !== undefined && { purpose }),
    ...(port !== undefined && { port }),
    ...(budget !== undefined && { budgetMs: budget.budgetMs }),
    ...(isRetried &&
      budget !== undefined && {
        attemptsMax: budget.attemptsMax,
        backOffMs: budget.backOffMs,
        backOffMsMax: budget.backOffMsMax
      }),
    ...(codes !== undefined && { codes }),
    ...(creates !== undefined && { creates })
  }
}

type Happening = Pick<GraphTransition, 'kind' | 'label'>

/** What an event means to people. `branches`: all transitions of this state for this event. */
function happeningOf(transition: AnyTransitionDefinition, branches: readonly AnyTransitionDefinition[]): Happening {
  const [, ending, actor = ''] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(transition.eventType) ?? []
  const leadsToRetry = ({ target }: AnyTransitionDefinition) => target?.some(waitsForNextAttempt) ?? false
  if (ending === 'error' || transition.eventType === TRY_FAILED) {
    if (leadsToRetry(transition)) return { kind: 'retry', label: 'failed (retryable)' }
    return { kind: 'failed', label: branches.some(leadsToRetry) ? 'failed (permanent)' : 'failed' }
  }
  if (transition.eventType === TRY_STARTED) return { kind: 'backOff', label: 'next try' }
  if (actor.endsWith(BACK_OFF)) return { kind: 'backOff', label: 'after back-off' }
  if (actor.endsWith('.budget')) return { kind: 'timeout', label: 'out of time' }
  if (ending === 'done') return { kind: 'done', label: 'done' }
  return { kind: 'cancel', label: transition.eventType || 'always' }
}

function toTransitions(node: AnyStateNode): readonly GraphTransition[] {
  const listed = [...node.transitions.values(), ...(node.always === undefined ? [] : [node.always])]
  return listed.flatMap((branches) =>
    branches.map((transition, position) => {
      const event = transition.eventType
      const { description } = transition
      return {
        id: `${node.id}|${event || 'always'}|${position}`,
        from: node.id,
        to: transition.target?.[0]?.id ?? node.id,
        event,
        ...happeningOf(transition, branches),
        ...(description !== undefined && { guard: description })
      }
    })
  )
}

export function toGraph(machine: AnyStateMachine): MachineGraph {
  const nodes = getStateNodes(machine)
  return {
    id: machine.id,
    source: `src/machines/${machine.id}.ts`,
    states: nodes.map((node) => toState(machine, node)),
    transitions: [machine.root, ...nodes].flatMap(toTransitions)
  }
}

/** The machines of this version. */
export const currentMachines = (): MachineSet => ({ format: GRAPH_FORMAT, machines: MACHINES.map(toGraph) })
