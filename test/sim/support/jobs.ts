/** Jobs that are played each time, each for something that must not get lost. */
import { type Deed, type JobStory, SMOOTH, type StepStory } from './job-story.ts'
import type { BuildStory } from './story.ts'

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

const base = { builds: [BUILD], faults: [] }
const debian = { image: 'debian:1', services: [], course: SMOOTH }

export const JOBS: readonly { readonly what: string; readonly story: JobStory }[] = [
  ...(['copy', 'volume'] as const).map((mode) => ({
    what: `with scripts, actions and a service, storage mode ${mode}`,
    story: {
      ...base,
      mode,
      job: { ...debian, services: [{ image: 'redis:7', readyAfterMs: 800 }] },
      steps: [
        [busy('first', 'script', 3, [{ does: 'remove', path: 'src/deep' }])],
        [busy('second', 'image', 4, [{ does: 'remove', path: 'README.md' }])],
        [busy('third', 'Dockerfile', 0, [{ does: 'remove', path: 'made/by first' }])],
        [busy('fourth', 'script', 0)]
      ]
    } satisfies JobStory
  })),
  {
    what: 'without a job container',
    story: {
      ...base,
      mode: 'copy',
      steps: [
        [busy('first', 'image', 5, [{ does: 'remove', path: 'src/deep' }])],
        [busy('second', 'Dockerfile', 0, [{ does: 'remove', path: 'README.md' }])]
      ]
    }
  },
  {
    what: 'on Alpine, from an image that not everybody may pull',
    story: {
      ...base,
      mode: 'copy',
      job: { ...debian, image: 'private.example/alpine:3', password: 'open sesame' },
      steps: [[busy('first', 'script', 0)]]
    }
  },
  {
    what: 'whose steps run side by side',
    story: {
      ...base,
      mode: 'copy',
      job: debian,
      steps: [
        [
          ...Array.from({ length: 6 }, (_, index) => busy(`script-${index}`, 'script', index)),
          busy('action', 'image', 7)
        ]
      ]
    }
  }
]
