/** The page that shows what was measured, from the numbers kept beside it, for the benchmarks and the check of the page. */
import { median } from './turns.ts'

/** Medians are compared, ours to the other. */
export interface Measured {
  /** What was done. */
  readonly what: string
  /** What it is compared with. */
  readonly than: string
  /** Undefined where nothing was promised. */
  readonly ratioMax?: number | undefined
  /** Milliseconds, one for each round. */
  readonly ours: readonly number[]
  readonly other: readonly number[]
}

export interface Kept extends Measured {
  readonly date: string
  /** What kind of machine it was. */
  readonly machine: string
}

export const ratioOf = ({ ours, other }: Measured): number => median(ours) / median(other)

const HEAD = `# Benchmarks

<!-- Written by \`npm run bench\` from benchmarks.json; do not edit. -->

How much longer a command of the runner takes than what it cannot do without, and than the hook that ships with the runner
(actions/runner-container-hooks, built from source: 0.7.0 in volume mode, 0.8.1 in copy mode). All on one real cluster. The
contenders take turns in one run, each starts at a random moment on an idle machine, and each round begins with another one. A bare pod is timed from its
creation, inside the runner pod, by looking at its status every 20 ms. One with the five /github mounts, which no container step can do
without, takes 0.3 s and more longer than one without any volume: the kubelet looks for volumes every 0.3 s. What \`kubectl exec\` takes to
start a hook in the runner pod is measured beside it, and taken off.

Absolute times move from machine to machine; the ratios of the medians are what counts.
`

const TABLE = `| What | To | Ours | The other | Ratio | At most | Rounds |
| ---- | -- | ---- | --------- | ----- | ------- | ------ |`

export function renderPage(kept: readonly Kept[]): string {
  const days = [...new Set(kept.map(({ date, machine }) => `${date}, ${machine}`))].sort()
  const sections = days.map((day) => {
    const rows = kept.filter(({ date, machine }) => `${date}, ${machine}` === day).map(row)
    return `\n## ${day}\n\n${[TABLE, ...rows].join('\n')}\n`
  })
  return [HEAD, ...sections].join('')
}

function row(one: Kept): string {
  const { what, than, ratioMax, ours, other } = one
  const ratio = ratioOf(one)
  const isMet = ratioMax === undefined || ratio <= ratioMax
  const cells = [
    what,
    than,
    seconds(ours),
    seconds(other),
    `${ratio.toFixed(2)}${isMet ? '' : ' (not met)'}`,
    ratioMax === undefined ? '' : ratioMax.toFixed(2),
    ours.length
  ]
  return `| ${cells.join(' | ')} |`
}

const seconds = (values: readonly number[]): string => `${(median(values) / 1_000).toFixed(2)} s`
