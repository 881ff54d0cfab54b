/** The format in which the graphs of the machines are written, for everything that reads them. */

/** `end` is final; `stage` has a purpose of its own; `part` is one turn of a stage: an attempt, or the wait before the next. */
export type StateKind = 'stage' | 'part' | 'end'

export interface GraphState {
  /** `container-step.building.attempting`. */
  readonly id: string
  /** Id of the state around this one; undefined directly below the machine. */
  readonly parent?: string
  readonly kind: StateKind
  readonly label: string
  /** Entered when its parent, or the machine, is. */
  readonly initial: boolean
  readonly purpose?: string
  /** Name of the port in src/machines/ports.ts that does the work. */
  readonly port?: string
  readonly budgetMs?: number
  /** With the first one; only where a failure is tried again. */
  readonly attemptsMax?: number
  /** The wait before the second attempt, and the longest one; where attemptsMax is. */
  readonly backOffMs?: number
  readonly backOffMsMax?: number
  /** Error codes this stage is known to end with, apart from those that every stage may end with. */
  readonly codes?: readonly string[]
  /** Kinds of what it creates. */
  readonly creates?: readonly string[]
}

/** What sort of thing happens; `cancel` comes from outside. */
export type TransitionKind = 'done' | 'retry' | 'failed' | 'timeout' | 'backOff' | 'cancel'

export interface GraphTransition {
  /** `container-step.building|CANCEL|0`: source, event, position among the branches for that event. */
  readonly id: string
  readonly from: string
  readonly to: string
  /** XState's name of the event. */
  readonly event: string
  readonly kind: TransitionKind
  /** What happens, in a few words. */
  readonly label: string
  /** When this branch is taken, in a few words. */
  readonly guard?: string
}

export interface MachineGraph {
  readonly id: string
  /** Path of its module in the repository. */
  readonly source: string
  readonly states: readonly GraphState[]
  readonly transitions: readonly GraphTransition[]
}

/** All machines of one version of Slipway: what `slipway diagram --json` writes. */
export interface MachineSet {
  readonly format: typeof GRAPH_FORMAT
  readonly machines: readonly MachineGraph[]
}

export const GRAPH_FORMAT = 'slipway-machines-1'
