/** Goal: words become a code and one line for the author, and nothing of them is lost for the operator. */
import { expect, test } from 'vitest'
import { failureFrom, type Table } from '../../../src/effects/failure-table.ts'

const table: Table<string> = {
  rules: [
    { pattern: /denied: (\w+)/, code: 'image-denied', message: (image, [, who]) => `${who} may not have ${image}` },
    { pattern: /denied|gone/, code: 'image-not-found', message: (image) => `no ${image}` }
  ],
  otherwise: { code: 'image-pull-failed', message: (image) => `${image}\n  did not come` }
}

test.each([
  ['it was denied: nobody', 'image-denied', 'nobody may not have x'],
  ['it was denied', 'image-not-found', 'no x'],
  ['something new', 'image-pull-failed', 'x did not come']
])('%s: the first rule that matches decides', (text, code, message) => {
  expect(failureFrom(table, text, 'x')).toMatchObject({ code, message, detail: text })
})

test('the detail is what the caller says, if it says so', () => {
  const cause = new Error('why')
  expect(failureFrom(table, 'gone', 'x', { detail: 'more', cause })).toMatchObject({ detail: 'more', cause })
})

test('a long message keeps its start and its end', () => {
  const { message } = failureFrom(table, 'gone', `image ${'a'.repeat(1_000)}: no such host`)
  expect(message).toHaveLength(300)
  expect(message).toMatch(/^no image a+…a+: no such host$/)
})
