/** Goal: what was read as a secret is in nothing that doctor says, wherever it stands. */
import { expect, test } from 'vitest'
import { fail } from '../../../../src/cli/doctor/check.ts'
import { createSecrets } from '../../../../src/cli/doctor/secrets.ts'

test('secrets are replaced in what was seen and in the fix, and nothing else is', () => {
  const { mask, hide } = createSecrets()
  mask('hunter2')
  mask('')
  const result = { name: 'Push', ...fail('refused hunter2\nAuthorization: hunter2', 'not hunter2') }
  expect(hide(result)).toEqual({
    name: 'Push',
    status: 'fail',
    why: 'refused ***\nAuthorization: ***',
    fix: 'not ***'
  })
  expect(hide({ name: 'Push', ...fail('refused') })).toMatchObject({ why: 'refused' })
})
