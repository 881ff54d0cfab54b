/** Goal: what doctor in the pod says arrives at the doctor outside, whole, and other lines are not lost. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { fail, pass } from '../../../../src/cli/doctor/check.ts'
import { createLineWriter, readLines } from '../../../../src/cli/doctor/remote-lines.ts'

test('results survive the way out of the pod, in pieces and among other lines', async () => {
  let text = ''
  const writer = createLineWriter((line) => {
    text += line
  })
  const sent = [
    { name: 'One', ...pass('fine') },
    { name: 'Two', ...fail('broken\nin two lines', 'kind: Role\n"quoted"') }
  ]
  for (const result of sent) {
    writer.begins(result.name)
    writer.ends(result)
  }
  writer.stop()
  const pieces = [text.slice(0, 30), text.slice(30), 'Warning: from somewhere else\n']
  const begun: string[] = []
  const ended: unknown[] = []
  const others: string[] = []
  const listener = { begins: (name: string) => begun.push(name), ends: (result: unknown) => ended.push(result) }
  await readLines(Readable.from(pieces), listener, (line) => others.push(line))
  expect(begun).toEqual(['One', 'Two'])
  expect(ended).toEqual([{ name: 'One', status: 'pass', why: 'fine' }, sent[1]])
  expect(others).toEqual(['Warning: from somewhere else'])
})
