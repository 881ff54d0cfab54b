/** Judges what was measured in turn: prints medians and their ratio, keeps them for the page, and fails above the limit. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { expect } from 'vitest'
import { type Kept, type Measured, ratioOf, renderPage } from './page.ts'
import { median } from './turns.ts'

const NUMBERS = new URL('../../../docs/benchmarks.json', import.meta.url)
const PAGE = new URL('../../../docs/benchmarks.md', import.meta.url)
const GIGABYTE = 1024 ** 3

/** Does not end the test, so that the other comparisons are judged as well. */
export function expectRatio(measured: Measured): void {
  const { what, than, ratioMax, ours, other } = measured
  const ratio = ratioOf(measured)
  const rounds = ours.map((ms, round) => `${Math.round(ms)}/${Math.round(other[round] ?? Number.NaN)}`).join(' ')
  const limit = ratioMax === undefined ? '' : `, at most ${ratioMax}`
  const medians = `${Math.round(median(ours))} ms to ${Math.round(median(other))} ms, ratio ${ratio.toFixed(2)}`
  process.stdout.write(`\nbench: ${what}, to ${than}: ${medians}${limit} (${rounds})\n`)
  keep(measured)
  if (ratioMax !== undefined) expect.soft(ratio, `${what}, to ${than}`).toBeLessThanOrEqual(ratioMax)
}

/** Takes the place of what was measured of the same before. */
function keep(measured: Measured): void {
  const kept = (JSON.parse(readFileSync(NUMBERS, 'utf8')) as Kept[]).filter(
    ({ what, than }) => what !== measured.what || than !== measured.than
  )
  const whole = (values: readonly number[]) => values.map(Math.round)
  const one: Kept = {
    ...measured,
    ours: whole(measured.ours),
    other: whole(measured.other),
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores, ${Math.round(totalmem() / GIGABYTE)} GB`
  }
  const all = [...kept, one].sort((a, b) => order(a).localeCompare(order(b)))
  // One comparison a line, so that a change shows up as one.
  writeFileSync(NUMBERS, `[\n${all.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`)
  writeFileSync(PAGE, renderPage(all))
}

const order = ({ what, than }: Measured): string => `${what}, ${than}`
