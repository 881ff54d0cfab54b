/** Random scenarios for fast-check: ordinary steps mostly, with some of what clusters do to them. */
import fc from 'fast-check'
import {
  type BuildStory,
  CALLS,
  type Fault,
  MISHAPS,
  type Order,
  type PodStory,
  type Program,
  type PushTry,
  type Scenario,
  type Trouble
} from './story.ts'

const usually = <T>(usual: T, otherwise: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: otherwise })

const lines = fc
  .array(fc.record({ gapMs: fc.oneof(fc.constant(0), fc.nat(900)), text: fc.string({ maxLength: 12 }) }), {
    maxLength: 8
  })
  .map((all) => {
    let atMs = 0
    return all.map(({ gapMs, text }) => {
      atMs += gapMs
      return { atMs, text: text.replaceAll(/[\n\r]/g, ' ') }
    })
  })

const program = (exitCode: fc.Arbitrary<number>, said: readonly string[]): fc.Arbitrary<Program> =>
  fc.record({ lines, moreMs: fc.nat(2_000), exitCode }).map((given) => {
    const lastMs = given.lines.at(-1)?.atMs ?? 0
    const words = given.exitCode === 0 ? [] : said.map((text) => ({ atMs: lastMs, text }))
    return { lines: [...given.lines, ...words], endsAfterMs: lastMs + given.moreMs, exitCode: given.exitCode }
  })

const mishap = fc.record({ kind: fc.constantFrom(...MISHAPS), afterMs: fc.nat(6_000) })
const PULL_MESSAGES = [
  'dial tcp 10.0.0.1:443: connect: connection refused',
  'failed to resolve reference "busybox:1": not found',
  'unexpected status: 401 Unauthorized'
] as const

const podStory = (programs: fc.Arbitrary<Program>): fc.Arbitrary<PodStory> =>
  fc.record({
    scheduledAfterMs: usually(0, fc.nat(5_000)),
    pullFailures: usually(0, fc.integer({ min: 1, max: 4 })),
    pullMessage: fc.constantFrom(...PULL_MESSAGES),
    startedAfterMs: fc.nat(1_500),
    program: programs,
    reportedAfterMs: fc.nat(1_200),
    mishap: usually(undefined, mishap)
  })

const pushTry: fc.Arbitrary<PushTry> = fc.record({
  endsAfterMs: fc.nat(2_000),
  isAccepted: usually(true, fc.boolean())
})

/** What Kaniko says of a RUN that fails. */
const FAILED_RUN =
  'error building image: error building stage: failed to execute command: waiting for process to exit: exit status 3'

const buildStory: fc.Arbitrary<BuildStory> = fc
  .tuple(podStory(program(usually(0, fc.constant(1)), [FAILED_RUN])), fc.array(pushTry, { minLength: 1, maxLength: 3 }))
  .map(([story, pushes]) => ({ ...story, pushes }))

/** One after the other, so that the client's own four repetitions are never used up. */
const TIMES_MAX = 3
const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({ does: fc.constant('reset' as const), after: fc.boolean() }),
  fc.record({
    does: fc.constant('status' as const),
    status: fc.constantFrom(429, 500, 503, 504),
    after: fc.boolean(),
    retryAfterSeconds: fc.constantFrom(0, 1, 2)
  }),
  fc.record({ does: fc.constant('cut' as const), afterBytes: fc.nat(120) }),
  fc.record({ does: fc.constant('silent' as const), afterBytes: fc.nat(120) })
)

const faults: fc.Arbitrary<readonly Fault[]> = fc.uniqueArray(
  fc.record({
    call: fc.constantFrom(...CALLS.filter((call) => call !== 'registry')),
    nth: fc.oneof(fc.nat(8), fc.nat(60)),
    times: fc.integer({ min: 1, max: TIMES_MAX }),
    trouble
  }),
  // Of two for the same kind of call the second could go on where the first stops.
  { selector: ({ call }) => call, maxLength: 4 }
)

const orders: fc.Arbitrary<readonly Order[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant([]) },
  { weight: 2, arbitrary: fc.nat(9_000).map((atMs): Order[] => [{ does: 'cancel', atMs }]) },
  {
    weight: 1,
    arbitrary: fc.nat(9_000).map((atMs): Order[] => [
      { does: 'cancel', atMs },
      { does: 'cancel', atMs: atMs + 7_500 }
    ])
  },
  { weight: 1, arbitrary: fc.nat(9_000).map((atMs): Order[] => [{ does: 'kill', atMs }]) }
)

/** One or the other: together they could use up the client's repetitions. */
const weather = fc.oneof(
  { weight: 4, arbitrary: faults.map((some) => ({ faults: some, outage: undefined })) },
  {
    weight: 1,
    arbitrary: fc
      .record({ fromMs: fc.nat(8_000), forMs: fc.integer({ min: 100, max: 3_000 }) })
      .map((outage) => ({ faults: [], outage }))
  }
)

const story = fc.record({
  asksFor: fc.constantFrom('image' as const, 'Dockerfile' as const, 'Dockerfile' as const),
  builds: fc.array(buildStory, { minLength: 1, maxLength: 3 }),
  step: podStory(program(usually(0, fc.integer({ min: 1, max: 255 })), [])),
  orders
})

export const scenarios: fc.Arbitrary<Scenario> = fc.tuple(story, weather).map(([one, other]) => ({ ...one, ...other }))
