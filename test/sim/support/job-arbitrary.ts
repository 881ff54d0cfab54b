/** Random jobs for fast-check: ordinary ones in weather that hooks get through, and ones in weather that nobody gets through. */
import fc from 'fast-check'
import { type Deed, type JobStory, SMOOTH, type StepStory } from './job-story.ts'
import {
  type BuildStory,
  CALLS,
  type CallName,
  type Fault,
  MISHAPS,
  type Outage,
  type PodCourse,
  type Trouble
} from './story.ts'

const usually = <T>(usual: T, otherwise: fc.Arbitrary<T>, weight = 3): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: otherwise })

/** Some that are there, and some that are not. */
const paths = fc.constantFrom('README.md', 'src/main', 'src/deep', 'new', 'src/new/er', 'a b')
const words = fc
  .string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abc $"\'\\*%') })
  .map((text) => `+${text}+`)

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ does: fc.constant('say' as const), text: words }),
  fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 800 }) }),
  fc.record({ does: fc.constant('write' as const), path: paths, text: words }),
  fc.record({ does: fc.constant('remove' as const), path: paths }),
  fc.record({ does: fc.constant('output' as const), text: words }),
  fc.record({ does: fc.constant('artifact' as const), path: fc.constantFrom('dist/a', 'dist/b c'), text: words })
)

/** A file cannot be where a directory is, and a directory not where a file is. */
const isPossible = (deeds: readonly Deed[]): boolean =>
  !deeds.some((one) => one.does === 'write' && one.path === 'src/deep')

const course: fc.Arbitrary<PodCourse> = fc.record({
  scheduledAfterMs: usually(0, fc.nat(3_000)),
  pullFailures: usually(0, fc.integer({ min: 1, max: 2 })),
  pullMessage: fc.constant('dial tcp 10.0.0.1:443: connect: connection refused'),
  startedAfterMs: fc.nat(500),
  reportedAfterMs: fc.nat(1_200)
})

const stepOf = (hasJob: boolean) =>
  fc.record({
    runs: hasJob
      ? fc.constantFrom('script' as const, 'script' as const, 'image' as const, 'Dockerfile' as const)
      : fc.constantFrom('image' as const, 'Dockerfile' as const),
    deeds: fc.array(deed, { maxLength: 6 }).filter(isPossible),
    exitCode: usually(0, fc.integer({ min: 1, max: 255 })),
    course
  })

const BUILD: BuildStory = {
  ...SMOOTH,
  program: { lines: [{ atMs: 0, text: 'building' }], endsAfterMs: 300, exitCode: 0 },
  pushes: [{ endsAfterMs: 200, isAccepted: true }]
}

const named = (steps: readonly Omit<StepStory, 'id'>[]): StepStory[][] =>
  steps.map((step, index) => [{ ...step, id: `step-${index + 1}` }])

const jobs = fc
  .record({ hasJob: usually(true, fc.constant(false)), mode: usually('copy' as const, fc.constant('volume' as const)) })
  .chain(({ hasJob, mode }) =>
    fc.record({
      mode: fc.constant(mode),
      job: hasJob
        ? fc.record({
            image: fc.constantFrom('debian:1', 'alpine:3'),
            services: fc.constantFrom([], [], [{ image: 'redis:7', readyAfterMs: 700 }]),
            course
          })
        : fc.constant(undefined),
      steps: fc.array(stepOf(hasJob), { minLength: 1, maxLength: 3 }).map(named),
      builds: fc.constant([BUILD])
    })
  )

const bytes = fc.oneof(fc.nat(600), fc.nat(9_000), fc.integer({ min: 200_000, max: 220_000 }))

const refusals: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({ does: fc.constant('reset' as const), after: fc.boolean() }),
  fc.record({ does: fc.constant('status' as const), status: fc.constantFrom(429, 500, 503), after: fc.boolean() })
)
const breaks: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({ does: fc.constant('cut' as const), afterBytes: bytes }),
  fc.record({ does: fc.constant('silent' as const), afterBytes: bytes })
)
const losses: fc.Arbitrary<Trouble> = fc.record({
  does: fc.constant('lose' as const),
  what: fc.constantFrom('stdin' as const, 'stdout' as const),
  afterBytes: bytes
})

const faultOf = (call: CallName, timesMax: number): fc.Arbitrary<Fault> =>
  fc.record({
    call: fc.constant(call),
    nth: call === 'get pods' ? fc.nat(60) : fc.nat(8),
    times: fc.integer({ min: 1, max: timesMax }),
    trouble:
      call === 'get pods/exec'
        ? fc.oneof(refusals, breaks, breaks, losses)
        : call === 'registry'
          ? refusals
          : fc.oneof(refusals, breaks)
  })

/** Commands are what is broken most: nothing else tests that. */
const calls = fc.constantFrom<CallName>(
  ...CALLS.filter((call) => call !== 'registry'),
  'get pods/exec',
  'get pods/exec',
  'get pods/exec'
)
const faults = (timesMax: number, maxLength: number) =>
  fc.uniqueArray(
    calls.chain((call) => faultOf(call, timesMax)),
    { selector: ({ call, nth }) => (call === 'get pods/exec' ? `${call} ${nth}` : call), maxLength }
  )

/** Of what every call waits out. */
const TIMES_MAX = 2
const gentle = fc.oneof(
  { weight: 3, arbitrary: fc.record({ faults: faults(TIMES_MAX, 4), outage: fc.constant(undefined) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      faults: fc.constant([]),
      outage: fc.record({ fromMs: fc.nat(6_000), forMs: fc.integer({ min: 100, max: 2_500 }) })
    })
  }
)

/** Jobs that have to end as they are written, whatever is between the hook and the cluster. */
export const quietJobs: fc.Arbitrary<JobStory> = fc
  .tuple(jobs, gentle)
  .map(([job, weather]) => ({ ...job, ...weather }))

const outage: fc.Arbitrary<Outage> = fc.record({
  fromMs: fc.nat(10_000),
  forMs: fc.integer({ min: 1_000, max: 90_000 })
})
const mishap = fc.record({ kind: fc.constantFrom(...MISHAPS), afterMs: fc.nat(4_000) })
const sweep = fc.record({
  atMs: fc.nat(8_000),
  what: fc.constantFrom(/^pod/, /^secret/, /^pod .*-workflow$/, /^pod .*-step-/)
})
const order = fc.record({
  does: fc.constantFrom('cancel' as const, 'cancel' as const, 'kill' as const),
  atMs: fc.nat(3_000)
})

/** How long the weather lasts, at most. */
const WEATHER_MS_MAX = 120_000

/** Jobs that may end in any way, but have to end, and to be cleaned up once the weather is fair again. */
export const stormyJobs: fc.Arbitrary<JobStory> = fc
  .record({
    job: jobs,
    faults: faults(20, 6),
    outage: usually(undefined, outage),
    ofJob: usually(undefined, mishap),
    ofStep: usually(undefined, mishap),
    sweeps: usually([], fc.array(sweep, { minLength: 1, maxLength: 2 })),
    orders: usually([], fc.array(order, { minLength: 1, maxLength: 2 })),
    weatherMs: fc.integer({ min: 5_000, max: WEATHER_MS_MAX })
  })
  .map(({ job: story, ofJob, ofStep, orders, ...weather }) => {
    const [first = [], ...others] = story.steps
    const [last = first] = others.slice(-1)
    const disturbed = last.map((step) => ({ ...step, orders, course: { ...(step.course ?? SMOOTH), mishap: ofStep } }))
    return {
      ...story,
      ...weather,
      job: story.job && { ...story.job, course: { ...story.job.course, mishap: ofJob } },
      steps: [...story.steps.slice(0, -1), disturbed]
    }
  })
