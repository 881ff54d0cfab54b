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
  const files = new Map([...Object.entries(CHECKED_OUT), ...Object.entries(story.earlier ?? {})])
  /** Until a step was broken off somewhere. */
  let areKnown = true
  const steps = story.steps.flatMap((together) => {
    const isAlone = together.length === 1
    const before = linesOf(files)
    const wereKnown = areKnown
    areKnown &&= together.every(isWhole)
    for (const step of together) apply(files, step)
    const ends = played.steps.filter(({ step }) => together.includes(step))
    return ends.flatMap((end) => [
      ...(isWhole(end.step) ? judgeWhole(end) : judgeBroken(end)),
      ...judgeAlways(end),
      ...(isAlone ? findsItsCommands(end) : []),
      ...(isAlone && wereKnown && end.seen !== undefined
        ? same(`${end.step.id} sees the files`, sorted(end.seen), before)
        : []),
      ...(areKnown ? same(`${end.step.id} leaves the files`, sorted(end.files), linesOf(files)) : [])
    ])
  })
  return [...judgePrepared(story, played), ...steps, ...judgeEnd(story, played)]
}

/** More than the budgets of all its stages, but for the program's own. */
const STORM_MS_MAX = 40 * 60_000

/** The same for jobs in weather that nobody gets through: every command ends, nothing is done twice or made up, and all is cleaned up. */
export function judgeStorm(played: JobPlayed): readonly string[] {
  const { prepared, steps, cleaned, leftAtEnd, left } = played
  const all = [...(prepared === undefined ? [] : [prepared]), ...steps, cleaned]
  return [
    ...all.flatMap((end) => complain(end.tookMs > STORM_MS_MAX, `${end.command} ends: ${end.tookMs} ms`)),
    ...all.flatMap((end) => complain(isUntold(end), `${end.command} says why it failed: ${shorten(end.log)}`)),
    ...steps.flatMap(stormyStep),
    ...same(`cleanup_job succeeds (${cleaned.log})`, cleaned.exitCode, 0),
    ...same('cleanup_job waits until all is gone', leftAtEnd, []),
    ...same('nothing is left', left, [])
  ]
}

/** A failure that is not the program's own, and has no annotation. Who was killed or cancelled need not say. */
const isUntold = ({ exitCode, log, step }: CommandEnd): boolean =>
  exitCode !== undefined &&
  exitCode !== (step?.exitCode ?? 0) &&
  (step?.orders ?? []).length === 0 &&
  !log.includes('::error::')

function stormyStep({ step, exitCode, witnessed, shown, output }: StepEnd): readonly string[] {
  const started = witnessed.filter((line) => line === 'started').length
  return [
    ...complain(started > 1, `${step.id} runs at most once, and not ${started} times`),
    ...complain(!printedBy(step).startsWith(shown), `${step.id} shows what it printed: ${shorten(shown)}`),
    ...(exitCode === 0
      ? [
          ...same(`${step.id} succeeds because its program did`, [step.exitCode, witnessed], [0, ['started', 'ended']]),
          ...same(`${step.id} hands its output to the runner`, output, outputsOf(step))
        ]
      : [])
  ]
}

/** Nothing befalls it that its story does not forgive. */
const isWhole = ({ orders = [], fails }: StepStory): boolean => orders.length === 0 && fails === undefined

function judgePrepared({ job, prepareFails }: JobStory, { prepared }: JobPlayed): readonly string[] {
  if (job === undefined || prepared === undefined) return []
  if (prepareFails !== undefined) {
    return [
      ...complain(prepared.exitCode === 0, 'prepare_job fails'),
      ...complain(!prepareFails.test(prepared.log), `prepare_job says why: ${shorten(prepared.log)}`),
      ...same('prepare_job that fails leaves nothing', prepared.left, []),
      ...inTime('prepare_job', prepared, 0)
    ]
  }
  return [
    ...same(`prepare_job succeeds (${prepared.log})`, prepared.exitCode, 0),
    ...same('prepare_job knows the distribution', prepared.response?.isAlpine, job.image.includes('alpine')),
    ...inTime('prepare_job', prepared, 0)
  ]
}

function judgeWhole(end: StepEnd): readonly string[] {
  const { step, log } = end
  return [
    ...same(`${step.id} ends as its program does (${shorten(log)})`, end.exitCode, step.exitCode),
    ...same(`${step.id} runs once`, end.witnessed, ['started', 'ended']),
    ...same(`${step.id} shows its log`, end.shown, printedBy(step)),
    ...same(`${step.id} hands its output to the runner`, end.output, outputsOf(step)),
    ...same(`${step.id} hands its artifacts to the runner`, end.artifacts, artifactsOf(step))
  ]
}

/** Each as the step leaves it, however often it names it. */
function artifactsOf({ deeds }: StepStory): readonly string[] {
  const made = deeds.flatMap((deed) => (deed.does === 'artifact' ? [deed] : []))
  return made.map(({ path }) => `${path}:${made.findLast((deed) => deed.path === path)?.text}`)
}

const outputsOf = ({ deeds }: StepStory): string =>
  deeds.flatMap((deed) => (deed.does === 'output' ? [`${deed.text}\n`] : [])).join('')

/** Those of steps beside it are there, too. */
const findsItsCommands = ({ step: { id, runs }, commands }: StepEnd): readonly string[] =>
  runs === 'script' || commands === undefined
    ? []
    : same(`${id} finds its own file commands`, commands, `artifacts_${id}\nset_output_${id}\n`)

function judgeBroken({ step, exitCode, log, shown, witnessed }: StepEnd): readonly string[] {
  const started = witnessed.filter((line) => line === 'started').length
  const hasEnded = step.fails === undefined && witnessed.includes('ended') && exitCode === step.exitCode
  return [
    ...complain(exitCode === 0 && !hasEnded, `${step.id} fails`),
    ...complain(started > 1, `${step.id} runs at most once, and not ${started} times`),
    ...complain(!printedBy(step).startsWith(shown), `${step.id} shows the beginning of its log: ${shorten(shown)}`),
    ...complain(step.fails?.test(log) === false, `${step.id} says why (${step.fails}): ${shorten(log)}`)
  ]
}

/** What is left is told; a hook that was killed has left its things to cleanup_job. */
const judgeAlways = (end: StepEnd): readonly string[] => [
  ...(end.exitCode === undefined || TELLS_WHAT_IS_LEFT.test(end.log)
    ? []
    : same(`${end.step.id} leaves nothing of itself`, end.leftOfIt, [])),
  ...inTime(end.step.id, end, ownMs(end.step))
]

const TELLS_WHAT_IS_LEFT = /::warning::Cleanup could not remove: /

const ownMs = ({ deeds }: StepStory): number =>
  deeds.reduce((sum, deed) => sum + (deed.does === 'wait' ? deed.ms : 0), 0)

function judgeEnd({ steps, prepareFails, buildsMax }: JobStory, played: JobPlayed): readonly string[] {
  const told = JSON.stringify([played.steps.map(({ log }) => log), played.requests])
  const { builds } = played.world.done
  return [
    ...same('every step is run', played.steps.length, prepareFails === undefined ? steps.flat().length : 0),
    ...complain(builds > (buildsMax ?? builds), `nothing is built that is there: ${builds} builds`),
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
    if (deed.does === 'write' || deed.does === 'artifact') files.set(deed.path, deed.text)
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
