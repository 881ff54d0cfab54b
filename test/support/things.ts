/** The things of a scripted run: what its stages create, and what goes away again. */

import { entryName } from '../../src/machines/ledger.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'
import type { Script } from './script.ts'
import type { ScriptedMachine } from './scripted-machines.ts'

export function createThings(machine: ScriptedMachine, script: Pick<Script, 'resolution' | 'exitCode'>) {
  const all = new Set<string>()
  const { creates, removes } = machine
  return {
    /** `kind name` of everything that was created and not removed. */
    all: all as ReadonlySet<string>,
    begin(stage: AnyStageName): void {
      for (const entry of creates(script)[stage] ?? []) all.add(entryName(entry))
    },
    /** What the stage's call resolves with. */
    done(stage: AnyStageName): unknown {
      for (const entry of removes[stage] ?? []) all.delete(entryName(entry))
      return machine.answers(script)[stage]
    },
    /** Returns what was there. */
    remove: (names: readonly string[]): readonly string[] => names.filter((name) => all.delete(name))
  }
}
