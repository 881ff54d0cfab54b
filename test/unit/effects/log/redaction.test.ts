/** Goal: a secret is in nothing that was redacted, as text and as bytes, and what is no secret stays. */
import { expect, test } from 'vitest'
import { createRedaction, SECRET_BYTES_MAX } from '../../../../src/effects/log/redaction.ts'

const redacting = (...secrets: readonly string[]) => {
  const redaction = createRedaction()
  for (const secret of secrets) redaction.hide(secret)
  return redaction.redact
}

test.each([
  [['hunter2'], 'a hunter2 b hunter2', 'a *** b ***'],
  [['hunter2', 'hunter22'], 'hunter22 hunter2', '*** ***'],
  [['one line\n  another line\r\nthird\rfourth'], 'one line|another line|third|fourth', '***|***|***|***'],
  [['say "x" \\'], '{"password":"say \\"x\\" \\\\"}', '{"password":"***"}'],
  [['ünsäglich'], Buffer.from('ünsäglich').toString('latin1'), '***'],
  [['', ' ', 'abc', '\n'], 'abc  \n', 'abc  \n'],
  [['$& $1 .*'], 'x $& $1 .* y', 'x *** y'],
  [['__proto__'], '__proto__', '***']
])('%j hidden in %j leaves %j', (secrets, text, left) => expect(redacting(...secrets)(text)).toBe(left))

test('a secret of any length is hidden, in parts', () => {
  const secret = Array.from({ length: SECRET_BYTES_MAX }, (_, index) => `${index};`).join('')
  const left = redacting(secret)(`a ${secret} b`)
  expect(left).toMatch(/^a (\*\*\*)+ b$/)
})
