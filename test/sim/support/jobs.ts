/** Jobs that are played each time, each for something that must not get lost. */
import { type Deed, type JobStory, SMOOTH, type StepStory } from './job-story.ts'
import type { BuildStory, Fault } from './story.ts'

const say = (text: string): Deed => ({ does: 'say', text })
const wait = (ms: number): Deed => ({ does: 'wait', ms })

/** What touches everything that can be brought to a step and back. */
const busy = (id: string, runs: StepStory['runs'], exitCode: number, more: readonly Deed[] = []): StepStory => ({
  id,
  runs,
  exitCode,
  deeds: [
    say(`${id} begins`),
    { does: 'write', path: `made/by ${id}`, text: id },
    { does: 'output', text: `${id}=yes` },
    { does: 'artifact', path: `dist/${id}.tgz`, text: `of ${id}` },
    wait(250),
    ...more,
    say(`${id} ends`)
  ]
})

const BUILD: BuildStory = {
  ...SMOOTH,
  program: { lines: [{ atMs: 0, text: 'building' }], endsAfterMs: 300, exitCode: 0 },
  pushes: [{ endsAfterMs: 100, isAccepted: true }]
}

const job = { image: 'debian:1', services: [], course: SMOOTH }
const base = { mode: 'copy', builds: [BUILD], faults: [], job } satisfies Partial<JobStory>
const exec = (nth: number, trouble: Fault['trouble'], times = 1): Fault => ({
  call: 'get pods/exec',
  nth,
  times,
  trouble
})

/** Beginning of a tar member: what is cut there is a whole archive for all that tar knows. */
const MEMBER_BYTES = 512

/** What is typed into the shell of a script, and a little more. */
const SESSION_BYTES = 7_000

interface Kept {
  readonly what: string
  readonly story: JobStory
}

const WHOLE: readonly Kept[] = (['copy', 'volume'] as const).map((mode) => ({
  what: `scripts, actions and a service, storage mode ${mode}`,
  story: {
    ...base,
    mode,
    job: { ...job, services: [{ image: 'redis:7', readyAfterMs: 800 }] },
    buildsMax: 1,
    steps: [
      [busy('first', 'script', 3, [{ does: 'remove', path: 'src/deep' }])],
      [busy('second', 'image', 4, [{ does: 'remove', path: 'README.md' }])],
      [busy('third', 'Dockerfile', 0, [{ does: 'remove', path: 'made/by first' }])],
      [busy('fourth', 'script', 0)],
      [busy('fifth', 'Dockerfile', 5)]
    ]
  }
}))

export const JOBS: readonly Kept[] = [
  ...WHOLE,
  {
    what: 'no job container',
    story: {
      ...base,
      job: undefined,
      steps: [
        [busy('first', 'image', 5, [{ does: 'remove', path: 'src/deep' }])],
        [busy('second', 'Dockerfile', 0, [{ does: 'remove', path: 'README.md' }])]
      ]
    }
  },
  {
    what: 'Alpine, from an image that not everybody may pull',
    story: {
      ...base,
      job: { ...job, image: 'private.example/alpine:3', password: 'open sesame' },
      steps: [[busy('first', 'script', 0)]]
    }
  },
  ...(['copy', 'volume'] as const).map((mode) => ({
    what: `ten steps side by side, storage mode ${mode}`,
    story: {
      ...base,
      mode,
      steps: [
        [
          ...Array.from({ length: 5 }, (_, index) => busy(`script-${index}`, 'script', index)),
          ...Array.from({ length: 3 }, (_, index) => busy(`image-${index}`, 'image', index)),
          busy('built', 'Dockerfile', 7, [{ does: 'remove', path: 'README.md' }]),
          busy('built-as-well', 'Dockerfile', 0, [{ does: 'remove', path: 'src/deep' }])
        ],
        [busy('after', 'image', 0)]
      ]
    } satisfies JobStory
  })),
  {
    what: 'steps side by side without a job container',
    story: {
      ...base,
      job: undefined,
      steps: [
        [
          busy('one', 'image', 3, [{ does: 'remove', path: 'README.md' }]),
          busy('two', 'image', 0, [{ does: 'remove', path: 'src/deep' }]),
          busy('three', 'Dockerfile', 0)
        ]
      ]
    }
  },
  {
    what: 'what a step removes with its directory leaves what another one has put there meanwhile',
    story: {
      ...base,
      steps: [
        [
          { id: 'removes', runs: 'image', exitCode: 0, deeds: [{ does: 'remove', path: 'src' }, wait(2_000)] },
          {
            id: 'writes',
            runs: 'script',
            exitCode: 0,
            deeds: [wait(1_000), { does: 'write', path: 'src/new', text: 'new' }]
          }
        ]
      ]
    }
  },
  {
    what: 'one of ten steps side by side is cancelled',
    story: {
      ...base,
      steps: [
        [
          ...Array.from({ length: 6 }, (_, index) => busy(`script-${index}`, 'script', index, [wait(3_000)])),
          ...Array.from({ length: 3 }, (_, index) => busy(`image-${index}`, 'image', index, [wait(3_000)])),
          { ...busy('cancelled', 'image', 0, [wait(60_000)]), orders: [{ does: 'cancel', atMs: 2_500 }] }
        ]
      ]
    }
  },
  {
    what: 'files that a script leaves beside the file commands stay its own',
    story: {
      ...base,
      steps: [[busy('first', 'script', 0, [{ does: 'plant', name: 'planted' }])], [busy('second', 'image', 0)]]
    }
  },
  {
    what: 'the runner had a job before that nobody cleaned up',
    story: { ...base, earlier: { 'new/file': 'new' }, steps: [[busy('first', 'script', 0)]] }
  },
  {
    what: 'what is deleted is there for a while',
    story: { ...base, lingerMs: 1_500, steps: [[busy('first', 'image', 0)]] }
  },
  ...[0, 1, 2].map((nth) => ({
    what: `the end of files gets lost on the way, in transfer ${nth + 1}`,
    story: {
      ...base,
      faults: [exec(nth, { does: 'lose', what: nth === 2 ? 'stdout' : 'stdin', afterBytes: 12 * MEMBER_BYTES })],
      steps: [[busy('first', 'image', 0)]]
    } satisfies JobStory
  })),
  {
    what: 'two transfers are cut in the middle, and one says nothing any more',
    story: {
      ...base,
      faults: [
        exec(0, { does: 'cut', afterBytes: 12 * MEMBER_BYTES }),
        exec(3, { does: 'cut', afterBytes: 12 * MEMBER_BYTES }),
        exec(6, { does: 'silent', afterBytes: MEMBER_BYTES })
      ],
      steps: [[busy('first', 'image', 0)], [busy('second', 'image', 0)]]
    }
  },
  ...(
    [
      ['is cut in the middle of its log', { does: 'cut', afterBytes: SESSION_BYTES }],
      ['says nothing any more', { does: 'silent', afterBytes: SESSION_BYTES }],
      ['loses the end of the log', { does: 'lose', what: 'stdout', afterBytes: 80 }]
    ] as const
  ).map(([what, trouble]) => ({
    what: `the connection of a script ${what}`,
    story: { ...base, faults: [exec(2, trouble)], steps: [[busy('first', 'script', 3)], [busy('second', 'script', 0)]] }
  })),
  {
    what: 'the answer what the job container is gets lost on the way',
    story: {
      ...base,
      job: { ...job, image: 'alpine:3' },
      faults: [exec(1, { does: 'lose', what: 'stdout', afterBytes: 10 })],
      steps: [[busy('first', 'script', 0)]]
    }
  },
  {
    what: 'a script is cancelled, and the first word to end it gets lost',
    story: {
      ...base,
      faults: [exec(3, { does: 'lose', what: 'stdin', afterBytes: 0 })],
      steps: [[{ ...busy('first', 'script', 0, [wait(60_000)]), orders: [{ does: 'cancel', atMs: 600 }] }]]
    }
  },
  {
    what: 'nobody answers what the job container is',
    story: {
      ...base,
      job: { ...job, services: [{ image: 'redis:7', readyAfterMs: 800 }] },
      faults: [exec(1, { does: 'status', status: 500, after: false }, 1_000)],
      prepareFails: /distribution/,
      steps: [[busy('first', 'script', 0)]]
    }
  },
  {
    what: 'an action runs out of memory',
    story: {
      ...base,
      steps: [
        [
          {
            ...busy('first', 'image', 1, [wait(5_000)]),
            course: { ...SMOOTH, mishap: { kind: 'out of memory', afterMs: 1_000 } },
            fails: /out of memory/i
          }
        ]
      ]
    }
  },
  {
    what: 'a build runs out of memory',
    story: {
      ...base,
      builds: [{ ...BUILD, mishap: { kind: 'out of memory', afterMs: 300 } }],
      steps: [[{ ...busy('first', 'Dockerfile', 1), fails: /the build ran out of memory/ }]]
    }
  },
  {
    what: 'a registry that lets nobody in is asked before anything is built',
    story: {
      ...base,
      pushSecret: 'nobody',
      buildsMax: 0,
      faults: [{ call: 'registry', nth: 0, times: 1_000, trouble: { does: 'status', status: 503, after: false } }],
      steps: [[{ ...busy('first', 'Dockerfile', 1), fails: /registry/ }]]
    }
  }
]
