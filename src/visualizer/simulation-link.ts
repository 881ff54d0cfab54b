/**
 * A simulated run as the fragment of a link, and back, for the page.
 *
 *   #simulate=container-step:0.0.2:1x2k9z
 *
 * A step is the place of its transition among those that leave the state; the last part checks that the run still is
 * what it was, since the machine may have changed. The text comes from anywhere and is checked in all its parts.
 */
import type { GraphTransition, MachineGraph } from './graph-format.ts'
import { leavingOf, SimulationError, STEPS_MAX, type Stand, standsOf, start, take } from './simulation.ts'

/** A machine and the ids of the transitions that were taken, the first one first. */
export interface Simulation {
  readonly machine: string
  readonly taken: readonly string[]
}

const PREFIX = '#simulate='
/** A step has up to two digits and a dot; the rest is the machine and the check. */
const FRAGMENT_CHARS_MAX = STEPS_MAX * 3 + 200
const PARTS = /^#simulate=([^:]+)(?::(\d{1,2}(?:\.\d{1,2})*):([0-9a-z]{1,7}))?$/

/** FNV-1a, 32 bits: finds what changed by itself, and is not meant to stop anyone. */
function checkOf(path: readonly GraphTransition[]): string {
  let hash = 0x811c9dc5
  for (const { id, to } of path) {
    for (const character of `${id}>${to}\n`) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  }
  return (hash >>> 0).toString(36)
}

/** Throws a SimulationError for a run that the machine does not have. */
export function toFragment(graph: MachineGraph, taken: readonly string[]): string {
  const stands = standsOf(graph, taken)
  const machine = `${PREFIX}${encodeURIComponent(graph.id)}`
  if (taken.length === 0) return machine
  const steps = taken.map((id, at) => {
    const leaving = leavingOf(graph, stands[at] as Stand)
    const place = leaving.findIndex((transition) => transition.id === id)
    return { place, transition: leaving[place] as GraphTransition }
  })
  const check = checkOf(steps.map(({ transition }) => transition))
  return `${machine}:${steps.map(({ place }) => place).join('.')}:${check}`
}

export const isSimulation = (fragment: string): boolean => fragment.startsWith(PREFIX)

const UNFIT = 'this link does not fit this version of the machine'

/** Throws a SimulationError, whose message has nothing of the text in it, for anything that toFragment does not write. */
export function fromFragment(fragment: string, machines: readonly MachineGraph[]): Simulation {
  if (fragment.length > FRAGMENT_CHARS_MAX)
    throw new SimulationError('this link is longer than any that this page makes')
  const parts = PARTS.exec(fragment)
  if (parts === null) throw new SimulationError('this link is not complete, or was changed on its way')
  const [, machine, places = '', check] = parts
  const graph = machines.find(({ id }) => encodeURIComponent(id) === machine)
  if (graph === undefined) throw new SimulationError('this link is for a machine that is not on this page')
  const path: GraphTransition[] = []
  let stand = start(graph)
  for (const place of places === '' ? [] : places.split('.')) {
    const transition = leavingOf(graph, stand)[Number(place)]
    if (transition === undefined) throw new SimulationError(`${UNFIT}: step ${path.length + 1} is not there`)
    try {
      stand = take(graph, stand, transition.id)
    } catch (thrown) {
      throw new SimulationError(`${UNFIT}: ${(thrown as Error).message}`)
    }
    path.push(transition)
  }
  if (check !== undefined && check !== checkOf(path)) throw new SimulationError(`${UNFIT}, or was changed on its way`)
  return { machine: graph.id, taken: path.map(({ id }) => id) }
}
