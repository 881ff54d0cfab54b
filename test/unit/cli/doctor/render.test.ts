/** Goal: results are readable one by one, a long fix is shown once, and the JSON says the same. */
import { describe, expect, test } from 'vitest'
import { fail, pass, type Result, skipped, warn } from '../../../../src/cli/doctor/check.ts'
import { createResultRenderer, reportOf, summaryOf } from '../../../../src/cli/doctor/render.ts'
import type { Line } from '../../../../src/cli/screen.ts'

const results: readonly Result[] = [
  { name: 'One', ...pass('fine') },
  { name: 'Two', ...fail('broken\nsaid the cluster', 'apply this:\nkind: Role') },
  { name: 'Three', ...fail('broken too', 'apply this:\nkind: Role') },
  { name: 'Four', ...skipped('not checked: it needs Two') },
  { name: 'Five', ...warn('odd', 'set VARIABLE=1') }
]

const textOf = (lines: readonly Line[]) => lines.map(({ text }) => text).join('\n')

describe('results', () => {
  test('are a line each, with more words and the fix below', () => {
    const render = createResultRenderer()
    expect(results.map(render).map(textOf).join('\n')).toBe(`✓ One                  fine
✗ Two                  broken
    said the cluster
  fix: apply this:
kind: Role
✗ Three                broken too
  fix: the same as for Two
- Four                 not checked: it needs Two
! Five                 odd
  fix: set VARIABLE=1`)
  })

  test('keep the end of what somebody else said', () => {
    const words = Array.from({ length: 30 }, (_, index) => `line ${index}`)
    const shown = textOf(createResultRenderer()({ name: 'Build', ...fail(['failed', ...words].join('\n')) }))
    expect(shown.split('\n')).toHaveLength(22)
    expect(shown).toContain('(10 lines before these)')
    expect(shown).toContain('line 29')
  })

  test('cannot be made up by the words of a fix', () => {
    const shown = createResultRenderer()({
      name: 'Build',
      ...fail('failed', 'apply:\n✓ Registry             fine\n- name: X')
    })
    expect(shown.map(({ text }) => text).slice(1)).toEqual([
      '  fix: apply:',
      '    ✓ Registry             fine',
      '- name: X'
    ])
  })

  test('are counted', () => {
    expect(summaryOf(results)).toBe('1 passed, 1 with a warning, 2 failed, 1 not checked')
  })

  test('say the same as JSON', () => {
    expect(JSON.parse(JSON.stringify(reportOf(results)))).toEqual({
      ok: false,
      counts: { pass: 1, warn: 1, fail: 2, skipped: 1 },
      checks: results.map((result) => JSON.parse(JSON.stringify(result)))
    })
    expect(reportOf([{ name: 'One', ...warn('odd') }])).toMatchObject({ ok: true })
  })
})
