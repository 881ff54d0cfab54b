/** Goal: where both builders are configured, no case goes to one that does not build it as docker does. Method: the choice itself, of every case. */
import { expect, test } from 'vitest'
import { idOf } from '../../parity/case.ts'
import { CASES } from '../../parity/cases/index.ts'
import { chosenOf } from '../../parity/support/choice.ts'
import { readDeviations } from '../../parity/support/expected.ts'

/** What a script removes and what a kernel refuses is in no text; BuildKit makes no device node in a user namespace either. */
const NEITHER = ['FROM and stages/WORKDIR that a script removed', 'RUN/device node']

test('whatever Kaniko does not build as docker does goes to BuildKit', { timeout: 60_000 }, async () => {
  const chosen = await chosenOf(CASES)
  const wrong = Object.keys(readDeviations()).filter(
    (id) => !NEITHER.includes(id) && chosen.get(id)?.builder !== 'buildkit'
  )
  expect(wrong).toEqual([])
  const kept = CASES.filter((given) => chosen.get(idOf(given))?.builder === 'kaniko')
  expect(kept.length).toBeGreaterThan(CASES.length / 2)
})
