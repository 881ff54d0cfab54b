/** The machines go where a reference written by hand says, nowhere else, and every planted change of theirs is noticed. */
import { describe, expect, test } from 'vitest'
import type { MachineModel } from '../support/machine-graph.ts'
import { type Mutant, mutantOf, type Node, targetsIn } from '../support/machine-mutants.ts'
import { ALL_SCRIPTED, SCRIPTED } from '../support/scripted-machines.ts'
import { agrees, disagreements } from './agreement.ts'
import { RULES, type Rules } from './reference.ts'

const rulesOf = ({ machine }: MachineModel): Rules => RULES[machine.id] as Rules

/** Each transition on its own, led to another stage, and led to another end. */
function retargeted(model: MachineModel): readonly Mutant[] {
  const config = model.machine.config as unknown as Node
  const states = Object.entries(config.states as Readonly<Record<string, Node>>)
  return targetsIn(config, '').flatMap(({ holder, path }, at) => {
    const others = states.filter(([name]) => holder.target !== `#${model.machine.id}.${name}`)
    const stage = others.find(([, { type }]) => type !== 'final')
    const end = others.find(([, { type }]) => type === 'final')
    return [stage, end].flatMap((found) => {
      if (found === undefined) return []
      const [name] = found
      return mutantOf(model, `${path} -> ${name}`, (copy) => {
        Object.assign(targetsIn(copy, '')[at]?.holder ?? {}, { target: `#${model.machine.id}.${name}` })
      })
    })
  })
}

/** After every other branch of cleanup's success nothing is left to decide, so that a guard there changes nothing. */
const isLastOfItsKind = (targets: ReturnType<typeof targetsIn>, path: string): boolean =>
  path ===
  targets.findLast((other) => other.path.startsWith('.states.cleaningUp.states.attempting.invoke.onDone.'))?.path

/** Each transition on its own taken away, and each without its guard. */
function reduced(model: MachineModel): readonly Mutant[] {
  const targets = targetsIn(model.machine.config, '')
  const never = targets.map(({ path }, at) =>
    mutantOf(model, `${path} is never taken`, (copy) => {
      const found = targetsIn(copy, '')[at]
      if (found !== undefined) found.holder.guard = () => false
    })
  )
  const always = targets.flatMap(({ holder, path }, at) =>
    holder.guard === undefined || isLastOfItsKind(targets, path)
      ? []
      : [
          mutantOf(model, `${path} has no guard`, (copy) => {
            delete targetsIn(copy, '')[at]?.holder.guard
          })
        ]
  )
  return [...never, ...always]
}

test('job-start whose inspecting fails straight to its end is noticed, in words', () => {
  const { model } = SCRIPTED['job-start']
  const leaking = mutantOf(model, 'no cleanup', (config) => {
    for (const { holder, path } of targetsIn(config, '')) {
      if (path.includes('.inspecting.') && path.includes('onError')) {
        if (holder.target === '#job-start.cleaningUp') holder.target = '#job-start.failed'
      }
    }
  })
  expect(disagreements(leaking.model, rulesOf(model))).toContain(
    'inspecting.attempting: inspecting failed for good leads to failed, and not to cleaningUp.attempting'
  )
})

for (const { id, model } of ALL_SCRIPTED) {
  describe(id, () => {
    test('is what the reference says', () => expect(disagreements(model, rulesOf(model))).toEqual([]))

    test('as a copy is so, too', () => {
      expect(disagreements(mutantOf(model, 'the same', () => {}).model, rulesOf(model))).toEqual([])
    })

    test('with any one transition led elsewhere is not', () => {
      const mutants = retargeted(model)
      expect(mutants.length).toBeGreaterThan(10)
      const unnoticed = mutants.filter((mutant) => agrees(mutant.model, rulesOf(model)))
      expect(unnoticed.map(({ title }) => title)).toEqual([])
    })

    test('with any one transition or guard taken away is not', () => {
      const unnoticed = reduced(model).filter((mutant) => agrees(mutant.model, rulesOf(model)))
      expect(unnoticed.map(({ title }) => title)).toEqual([])
    })
  })
}
