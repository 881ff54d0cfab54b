/** Machines with one planted change, for tests that must notice it. */
import { type AnyStateMachine, createMachine } from 'xstate'
import type { MachineModel } from './machine-graph.ts'

/** Any part of a machine's configuration. */
export type Node = Record<string, unknown>

/** A copy that may be changed, down to every transition; what is no plain data stays what it is. */
function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as T
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)])) as T
}

/** Every transition of a configuration that has a target, and what it is called. */
export function targetsIn(node: unknown, path: string): readonly { readonly holder: Node; readonly path: string }[] {
  if (Array.isArray(node)) return node.flatMap((inner, at) => targetsIn(inner, `${path}.${at}`))
  if (typeof node !== 'object' || node === null) return []
  if (Object.getPrototypeOf(node) !== Object.prototype) return []
  const own = typeof (node as Node).target === 'string' ? [{ holder: node as Node, path }] : []
  return [...own, ...Object.entries(node).flatMap(([key, inner]) => targetsIn(inner, `${path}.${key}`))]
}

export interface Mutant {
  readonly title: string
  readonly model: MachineModel
}

/** The model with one thing changed in its machine. */
export function mutantOf(model: MachineModel, title: string, change: (config: Node) => void): Mutant {
  const { machine } = model
  const config = copyOf(machine.config) as Node
  change(config)
  return {
    title,
    model: { ...model, machine: createMachine(config as never, machine.implementations as never) as AnyStateMachine }
  }
}
