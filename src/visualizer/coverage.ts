/** What the model suite's paths cover, as data and in numbers, for the page. */
import type { MachineGraph } from './graph-format.ts'

/** One path that the suite has walked on a real actor. */
export interface CoveredPath {
  /** `reaches pulling: to build, built, pushed`. */
  readonly title: string
  /** Ids of the transitions taken, in order of first use. */
  readonly transitions: readonly string[]
  /** Ids of the states entered. */
  readonly states: readonly string[]
}

/** By machine: what scripts/docs-machines.mjs writes into coverage/machines.json. */
export type Coverage = Readonly<Record<string, readonly CoveredPath[]>>

export interface CoverageSummary {
  readonly transitions: { readonly covered: number; readonly all: number }
  readonly states: { readonly covered: number; readonly all: number }
  /** Whole percents of transitions, rounded down, so that 100 means all. */
  readonly percent: number
}

export const pathsOver = (paths: readonly CoveredPath[], transition: string): readonly CoveredPath[] =>
  paths.filter(({ transitions }) => transitions.includes(transition))

export const pathsInto = (paths: readonly CoveredPath[], state: string): readonly CoveredPath[] =>
  paths.filter(({ states }) => states.includes(state))

export function summarize(graph: MachineGraph, paths: readonly CoveredPath[]): CoverageSummary {
  const covered = graph.transitions.filter(({ id }) => pathsOver(paths, id).length > 0).length
  const entered = graph.states.filter(({ id }) => pathsInto(paths, id).length > 0).length
  const all = graph.transitions.length
  return {
    transitions: { covered, all },
    states: { covered: entered, all: graph.states.length },
    percent: Math.floor((100 * covered) / Math.max(1, all))
  }
}
