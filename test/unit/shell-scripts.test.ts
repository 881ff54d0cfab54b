/** Goal: no script fails by chance. With pipefail, a reader that stops early ends its writer with SIGPIPE, sometimes. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const oneNode = readdirSync(new URL('test/cluster/one-node', root)).map((name) => `test/cluster/one-node/${name}`)
const scripts = ['.ci/run', ...oneNode]
  .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))
  .filter(({ text }) => text.startsWith('#!') && text.includes('pipefail'))

const EARLY_READER = /\|\s*(?:grep\s+-\w*q|head\b|sed\s+(?:-n\s+)?'?\d*q)/

test('no script that fails with its pipes has a reader that stops early', () => {
  expect(scripts.map(({ path }) => path)).toEqual(expect.arrayContaining(['.ci/run', 'test/cluster/one-node/up']))
  const offences = scripts.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (EARLY_READER.test(line) ? [`${path}:${index + 1}: ${line}`] : []))
  )
  expect(offences).toEqual([])
})

test.each(['ip addr show | grep -q 10.99.0.1', 'ls | head -n 1', "cat x | sed -n '1q'"])('%s is found', (line) => {
  expect(line).toMatch(EARLY_READER)
})
