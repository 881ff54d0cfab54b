/** The page of benchmarks is what its numbers say, and says so where a promise is not kept. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Kept, renderPage } from '../bench/support/page.ts'

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

test('docs/benchmarks.md shows what is in docs/benchmarks.json', () =>
  expect(read('benchmarks.md')).toBe(renderPage(JSON.parse(read('benchmarks.json')))))

const measured: Kept = {
  what: 'a step',
  than: 'a bare pod',
  ratioMax: 1.2,
  ours: [1_300, 900, 1_100],
  other: [1_000, 900, 5_000],
  date: '2026-11-24',
  machine: '2 cores, 24 GB'
}

test('a ratio is that of the medians', () =>
  expect(renderPage([measured])).toContain('| a step | a bare pod | 1.10 s | 1.00 s | 1.10 | 1.20 | 3 |'))

test('a limit that is not met is named', () =>
  expect(renderPage([{ ...measured, ratioMax: 1 }])).toContain('| 1.10 (not met) | 1.00 |'))
