/** Reads the machines of another version from JSON, for the comparison in the CLI and in the page. */
import { GRAPH_FORMAT, type MachineGraph, type MachineSet } from './graph-format.ts'

/** The text is no such JSON; the message is one line. */
export class MachineSetError extends Error {
  override readonly name = 'MachineSetError'
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const hasTexts = (value: unknown, names: readonly string[]): boolean =>
  isRecord(value) && names.every((name) => typeof value[name] === 'string')

const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null

/** Has these texts, and otherwise what can be compared and shown: plain values and lists of them. */
const isFlat = (value: unknown, names: readonly string[]): boolean =>
  hasTexts(value, names) &&
  Object.values(value as object).every((part) => (Array.isArray(part) ? part.every(isPlain) : isPlain(part)))

const isGraph = (value: unknown): value is MachineGraph =>
  isRecord(value) &&
  hasTexts(value, ['id', 'source']) &&
  Array.isArray(value.states) &&
  value.states.every((state) => isFlat(state, ['id', 'kind', 'label'])) &&
  Array.isArray(value.transitions) &&
  value.transitions.every((transition) => isFlat(transition, ['id', 'from', 'to', 'event', 'kind', 'label']))

/** Throws a MachineSetError for anything that `slipway diagram --json` does not write. */
export function parseMachineSet(text: string): MachineSet {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new MachineSetError('this is not JSON; `slipway diagram --json` writes the machines of a version')
  }
  if (!isRecord(value) || value.format !== GRAPH_FORMAT) {
    throw new MachineSetError(`this is not of the format ${GRAPH_FORMAT}, as \`slipway diagram --json\` writes it`)
  }
  const { machines } = value
  if (!Array.isArray(machines) || !machines.every(isGraph)) {
    throw new MachineSetError('a machine in this file is incomplete; write it again with `slipway diagram --json`')
  }
  return { format: GRAPH_FORMAT, machines }
}
