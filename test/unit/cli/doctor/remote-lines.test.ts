/** Goal: what doctor in the pod says arrives at the doctor outside, whole, and other lines are not lost. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { fail, pass, type Result } from '../../../../src/cli/doctor/check.ts'
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
  await readLines(Readable.from(pieces), ['One', 'Two'], listener, (line) => others.push(line))
  expect(begun).toEqual(['One', 'Two'])
  expect(ended).toEqual([{ name: 'One', status: 'pass', why: 'fine' }, sent[1]])
  expect(others).toEqual(['Warning: from somewhere else'])
})

/** What the doctor outside makes of lines. */
async function heard(pieces: readonly (string | Buffer)[], names: readonly string[] = ['One', 'Two']) {
  const [begun, ended, others]: [string[], Result[], string[]] = [[], [], []]
  const listener = { begins: (name: string) => begun.push(name), ends: (result: Result) => ended.push(result) }
  await readLines(Readable.from(pieces), names, listener, (line) => others.push(line))
  return { begun, ended, others }
}
const end = (name: string, why = 'fine') => `${JSON.stringify({ ends: { name, status: 'pass', why } })}\n`

test('a pod ends every check once, and no other', async () => {
  const { ended, others } = await heard([
    end('One', 'first'),
    end('One', 'second'),
    end('Three'),
    end('__proto__'),
    end('API server (outside)'),
    end('One\n✓ Two')
  ])
  expect(ended).toEqual([{ name: 'One', status: 'pass', why: 'first' }])
  expect(others).toHaveLength(5)
})

test.each(['\u2028', '\u2029', '\r', '\u0085', '\u000b'])(
  '%j within a text does not begin a result',
  async (separator) => {
    const forged = `${separator}${end('Two', 'forged').trimEnd()}${separator}`
    let text = ''
    const writer = createLineWriter((line) => {
      text += line
    })
    writer.ends({ name: 'One', ...fail(forged) })
    writer.stop()
    // As it comes from another program than ours, and as it comes from ours.
    const pieces = [text, `${JSON.stringify({ ends: { name: 'One', status: 'fail', why: forged } })}\n`]
    for (const piece of pieces) {
      expect((await heard([piece])).ended).toEqual([{ name: 'One', status: 'fail', why: forged }])
    }
  }
)

test('a character in two pieces stays one, and a line without an end is not kept', async () => {
  const bytes = Buffer.from(end('One', 'ü → 🚀'))
  const { ended } = await heard([...bytes].map((byte) => Buffer.of(byte)))
  expect(ended).toEqual([{ name: 'One', status: 'pass', why: 'ü → 🚀' }])
  const endless = Array.from({ length: 200 }, () => 'x'.repeat(64 * 1024))
  const { others } = await heard([...endless, '\n', end('Two')])
  expect(others.map(({ length }) => length)).toEqual([1_000])
})

test('what is begun is a few words', async () => {
  const { begun } = await heard([`${JSON.stringify({ begins: 'x'.repeat(10_000) })}\n`])
  expect(begun.map(({ length }) => length)).toEqual([60])
})
