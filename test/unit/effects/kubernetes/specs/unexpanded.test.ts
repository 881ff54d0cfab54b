/** What is doubled for Kubernetes arrives as it was, whatever variables the container has. */
import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { unexpanded } from '../../../../../src/effects/kubernetes/specs/parts.ts'

/** As k8s.io/kubernetes/third_party/forked/golang/expansion reads commands, arguments and values: the reference. */
const expanded = (text: string, variables: Readonly<Record<string, string>>): string =>
  text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name?: string) => (name === undefined ? '$' : (variables[name] ?? whole)))

it.each([
  ['plain', 'plain'],
  ['$HOME', '$$HOME'],
  ['$(A)', '$$(A)'],
  ['$$(A)', '$$$$(A)'],
  ['pid $$, ${A:-b}, $(A', 'pid $$$$, $${A:-b}, $$(A'],
  ['ends in $', 'ends in $$']
])('%j is written as %j', (text, written) => {
  expect(unexpanded(text)).toBe(written)
  expect(expanded(written, { A: 'expanded' })).toBe(text)
})

test('every text arrives as it was', () => {
  const texts = fc.array(fc.constantFrom('$', '(', ')', 'A', '{', '}', ' ', '\n'), { maxLength: 12 })
  fc.assert(
    fc.property(texts, (parts) => {
      expect(expanded(unexpanded(parts.join('')), { A: 'expanded', '': 'nothing' })).toBe(parts.join(''))
    })
  )
})

test('the reference expands what is not doubled', () => {
  expect(expanded('$(A) $(B) $A $$', { A: 'expanded' })).toBe('expanded $(B) $A $')
})
