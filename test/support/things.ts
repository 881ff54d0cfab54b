/** The things of a scripted run: what its stages create, and what goes away again. */
import type { AnyStageName } from '../../src/machines/budgets.ts'
import { entryName } from '../../src/machines/ledger.ts'
import type { Script } from './script.ts'
import type { ScriptedMachine } from './scripted-machines.ts'

export function createThings(machine: ScriptedMachine, script: Pick<Script, 'resolution' | 'exitCode'>) {
  const all = new Set<string>()
  const { creates, endsByItself = [] } = machine
  const namesOf = (stage: AnyStageName) => (creates(script)[stage] ?? []).map(entryName)
  return {
    /** `kind name` of everything that was created and not removed. */
    all: all as ReadonlySet<string>,
    begin(stage: AnyStageName): void {
      for (const name of namesOf(stage)) all.add(name)
    },
    /** What the stage's call resolves with. */
    done(stage: AnyStageName): unknown {
      if (endsByItself.includes(stage)) for (const name of namesOf(stage)) all.delete(name)
      return machine.answers(script)[stage]
    },
    /** Returns what was there. */
    remove: (names: readonly string[]): readonly string[] => names.filter((name) => all.delete(name))
  }
}
