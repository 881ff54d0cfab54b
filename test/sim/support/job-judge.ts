/** What must be true of every simulated job, judged by what its programs saw and did, and by what the runner sees afterwards. */
import type { CommandEnd, JobPlayed, StepEnd } from './job-play.ts'
import { type JobStory, printedBy, type StepStory } from './job-story.ts'
import { CHECKED_OUT, SECRET } from './runner.ts'

/** More than troubles, back-offs and silent connections take together. */
const LATE_MS_MAX = 5 * 60_000

const complain = (wrong: boolean, complaint: string): readonly string[] => (wrong ? [complaint] : [])
const same = (what: string, actual: unknown, expected: unknown): readonly string[] =>
  complain(
    JSON.stringify(actual) !== JSON.stringify(expected),
    `${what}: ${shorten(actual)} instead of ${shorten(expected)}`
  )

const SHOWN_LENGTH_MAX = 600
const shorten = (value: unknown): string =>
  (JSON.stringify(value) ?? 'nothing').replaceAll(/x{50,}/g, 'xxx…').slice(0, SHOWN_LENGTH_MAX)

/** Every complaint, as `promise: complaint`; empty when all promises are kept. */
export function judgeJob(story: JobStory, played: JobPlayed): readonly string[] {
  const files = new Map(Object.entries(CHECKED_OUT))
  const steps = story.steps.flatMap((together) => {
    const isAlone = together.length === 1
    const before = linesOf(files)
    for (const step of together) apply(files, step)
    const ends = played.steps.filter(({ step }) => together.includes(step))
    return ends.flatMap((end) => [
      ...judgeStep(end),
      ...(isAlone ? same(`${end.step.id} sees the files`, sorted(end.seen), before) : []),
      ...same(`${end.step.id} leaves the files`, sorted(end.files), linesOf(files))
    ])
  })
  return [...judgePrepared(story, played), ...steps, ...judgeEnd(story, played)]
}

function judgePrepared({ job }: JobStory, { prepared }: JobPlayed): readonly string[] {
  if (job === undefined || prepared === undefined) return []
  return [
    ...same(`prepare_job succeeds (${prepared.log})`, prepared.exitCode, 0),
    ...same('prepare_job knows the distribution', prepared.response?.isAlpine, job.image.includes('alpine')),
    ...inTime('prepare_job', prepared, 0)
  ]
}

function judgeStep(end: StepEnd): readonly string[] {
  const { step, log } = end
  const outputs = step.deeds.flatMap((deed) => (deed.does === 'output' ? [`${deed.text}\n`] : []))
  const ownMs = step.deeds.reduce((sum, deed) => sum + (deed.does === 'wait' ? deed.ms : 0), 0)
  return [
    ...same(`${step.id} ends as its program does (${shorten(log)})`, end.exitCode, step.exitCode),
    ...same(`${step.id} runs once`, end.witnessed, ['started', 'ended']),
    ...same(`${step.id} shows its log`, end.shown, printedBy(step)),
    ...same(`${step.id} hands its output to the runner`, end.output, outputs.join('')),
    ...same(`${step.id} leaves nothing of itself`, end.leftOfIt, []),
    ...inTime(step.id, end, ownMs)
  ]
}

function judgeEnd({ steps }: JobStory, played: JobPlayed): readonly string[] {
  const told = JSON.stringify([played.steps.map(({ log }) => log), played.requests])
  return [
    ...same('every step is run', played.steps.length, steps.flat().length),
    ...same(`cleanup_job succeeds (${played.cleaned.log})`, played.cleaned.exitCode, 0),
    ...same('cleanup_job waits until all is gone', played.leftAtEnd, []),
    ...same('nothing is left', played.left, []),
    ...inTime('cleanup_job', played.cleaned, 0),
    ...complain(told.includes(SECRET), 'no secret is told')
  ]
}

const inTime = (what: string, { tookMs }: CommandEnd, ownMs: number): readonly string[] =>
  complain(tookMs > ownMs + LATE_MS_MAX, `${what} ends in time: ${tookMs} ms`)

function apply(files: Map<string, string>, { deeds }: StepStory): void {
  for (const deed of deeds) {
    if (deed.does === 'write') files.set(deed.path, deed.text)
    if (deed.does !== 'remove') continue
    for (const path of files.keys()) {
      if (path === deed.path || path.startsWith(`${deed.path}/`)) files.delete(path)
    }
  }
}

const linesOf = (files: ReadonlyMap<string, string>): readonly string[] =>
  [...files].map(([path, text]) => `./${path}:${text}`).toSorted()

const sorted = (listing: string | undefined): readonly string[] =>
  (listing ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .toSorted()
