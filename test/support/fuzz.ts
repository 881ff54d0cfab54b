/** What the fuzz targets share: texts that are meant badly, and what it means to survive them. */
import fc from 'fast-check'
import { UsageError } from '../../src/cli/command.ts'
import { StepError } from '../../src/errors.ts'
import { TraceError } from '../../src/visualizer/trace.ts'

/** Cases of each target; set SLIPWAY_FUZZ_RUNS for more. */
const RUNS = Number(process.env.SLIPWAY_FUZZ_RUNS ?? 100)
/** Of processor time, so that a busy computer is no failure. */
const CASE_MS_MAX = 5_000
const CASE_MS_USUAL = 100

/** How long a target may take for all its cases. */
export const FUZZ_TIMEOUT_MS = Math.max(30_000, RUNS * CASE_MS_USUAL)

/** Keys that every object of JavaScript seems to have. */
export const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'] as const

/** Longer than people write, and of what makes careless programs slow: the same over and over, with something else at its end. */
const repeated = (...parts: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom(...parts),
      fc.integer({ min: 1, max: 30_000 }),
      fc.constantFrom('', '!', '\n', '"', "'", 'x')
    )
    .map(([part, times, end]) => part.repeat(times) + end)

/** Somebody else's text; `words` are of the language that it should be of. */
export const evilText = (...words: readonly string[]): fc.Arbitrary<string> => {
  const word = fc.constantFrom(...PROTOTYPE_KEYS, ' ', '\n', '\r', '\0', '\u2028', '\ud800', '/', '..', ...words)
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .array(fc.oneof(word, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 12 })
        .map((parts) => parts.join(''))
    },
    { weight: 2, arbitrary: fc.array(word, { maxLength: 12 }).map((parts) => parts.join(' ')) },
    {
      weight: 1,
      arbitrary: repeated('a', '1', '-', '.', ' ', '\\', '"', "'", '[', '{', '/', 'a.', '1.', '\n', ...words)
    }
  )
}

/** Any JSON, whose keys and texts are often `words`. */
export const evilJson = (...words: readonly string[]): fc.Arbitrary<unknown> => {
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<unknown>(null, true, 0, -1, 1e308, Number.NaN, '', ...words),
      evilText(...words),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc
        .array(fc.tuple(fc.constantFrom(...words, ...PROTOTYPE_KEYS), tie('tree')), { maxLength: 6 })
        .map((entries) => Object.fromEntries(entries))
    )
  }))
  return tree
}

/** The same object with some of its parts, at any depth, replaced by others. */
export const mutated = (value: unknown, other: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => {
  if (typeof value !== 'object' || value === null) {
    return fc.oneof({ weight: 8, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: other })
  }
  const parts = Array.isArray(value)
    ? fc.tuple(...value.map((item) => mutated(item, other)))
    : fc.record(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mutated(item, other)])))
  return fc.oneof({ weight: 8, arbitrary: parts }, { weight: 1, arbitrary: other })
}

const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof UsageError ||
  thrown instanceof TraceError ||
  (thrown instanceof StepError && thrown.code !== 'internal')

/** Every case ends within CASE_MS_MAX of processor time, well or with an error that says what is wrong. */
export async function survives<T>(cases: fc.Arbitrary<T>, work: (value: T) => unknown, share = 1): Promise<void> {
  const property = fc.asyncProperty(cases, async (value) => {
    const before = process.cpuUsage()
    try {
      await work(value)
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown
    }
    const { user, system } = process.cpuUsage(before)
    if (user + system > CASE_MS_MAX * 1_000) throw new Error(`it took ${(user + system) / 1_000} ms`)
  })
  // Making a slow case smaller takes for ever.
  await fc.assert(property, { numRuns: Math.ceil(RUNS * share), endOnFailure: true })
}
