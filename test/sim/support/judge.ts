/** The oracles of the model suite, and those that only a cluster can judge by, over what a played scenario led to. */
import { judge } from '../../model/oracles.ts'
import { SECRET } from './lay-out.ts'
import type { Played } from './play.ts'
import type { Outage, Scenario } from './story.ts'

const complain = (wrong: boolean, complaint: string): readonly string[] => (wrong ? [complaint] : [])
const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

/** Every complaint, as `promise: complaint`; empty when all promises are kept. */
export function judgePlayed(scenario: Scenario, played: Played): readonly string[] {
  return [
    ...(played.history === undefined ? afterKill(played) : judge(played.history)),
    ...(mayHaveRunUnseen(scenario) ? [] : programRanOnce(played)),
    ...failedBuildIsSeen(scenario, played),
    ...logsAreExact(played),
    ...secretsAreKept(played),
    ...endsAsTheStorySays(scenario, played)
  ]
}

const afterKill = ({ left, cleanUpFailure }: Played): readonly string[] => [
  ...complain(left.length > 0, `cleanup_job leaves nothing: ${left.join(', ')}`),
  ...complain(cleanUpFailure !== undefined, `cleanup_job succeeds: ${cleanUpFailure}`)
]

/** Judged by the program itself, not by what the hook believes. */
const programRanOnce = ({ world }: Played): readonly string[] =>
  complain(
    world.done.runs.length > 1,
    `the action is run at most once: its program was started ${world.done.runs.length} times`
  )

/** Nobody can know of a pod whose creation was not answered, and that others deleted before it was asked for once more. */
const mayHaveRunUnseen = ({ faults, outage, step }: Scenario): boolean =>
  (outage !== undefined || faults.some(({ call }) => call === 'create pods')) &&
  (step.mishap?.kind === 'deleted by others' || step.mishap?.kind === 'node lost')

/** An API server that is away for less is waited for by every call. */
const SHORT_OUTAGE_MS = 3_000
const isShort = (outage: Outage | undefined): boolean => (outage?.forMs ?? 0) <= SHORT_OUTAGE_MS

/** Of an API server that does not answer for a moment, a kubelet that reports late, and the client's own back-off. */
const SEEN_MS_MAX = 20_000

/** How long a call waits for an answer that does not come, bounds of the same second together. */
const SILENCE_MS = 16_000
const silentMs = ({ faults }: Scenario): number =>
  faults.reduce((sum, { times, trouble }) => sum + (trouble.does === 'silent' ? times * SILENCE_MS : 0), 0)

/** The end of a build is acted upon soon. */
function failedBuildIsSeen(scenario: Scenario, { world, history }: Played): readonly string[] {
  const { outage } = scenario
  const failed = history?.facts.find(({ fact }) => fact.type === 'attemptFailed' && fact.stage === 'building')
  const [endedAtMs] = world.done.buildsFailedAtMs
  if (failed === undefined || endedAtMs === undefined || !isShort(outage)) return []
  const lateMs = failed.atMs - endedAtMs
  return complain(lateMs > SEEN_MS_MAX + silentMs(scenario), `the end of a build is seen: ${lateMs} ms after it`)
}

/** What is shown is what was printed: all of it after an end that was seen, else the beginning; never anything twice. */
function logsAreExact({ world, history, shownRun }: Played): readonly string[] {
  const printed = textOf(world.done.runs[0] ?? [])
  const hasEnded = history?.calls.some((call) => call.stage === 'running' && call.ending === 'succeeded') ?? false
  return [
    ...complain(!printed.startsWith(shownRun), `the log is exact: shown ${quote(shownRun)} of ${quote(printed)}`),
    ...complain(hasEnded && shownRun !== printed, `the log is whole: shown ${quote(shownRun)} of ${quote(printed)}`)
  ]
}

const quote = (text: string): string => JSON.stringify(text)

function secretsAreKept({ log, requests, world }: Played): readonly string[] {
  const pods = [...world.pods.values()].map(({ pod }) => pod)
  const told = JSON.stringify([log, requests, pods])
  return complain(told.includes(SECRET), 'no secret is told: it is in the log, in a request line or in a pod')
}

/** Where nothing befalls the step that its story does not forgive, it ends as its programs do. */
function endsAsTheStorySays(scenario: Scenario, { history }: Played): readonly string[] {
  const { asksFor, builds, step, orders } = scenario
  const [build] = builds
  const stories = asksFor === 'image' ? [step] : [step, build]
  const isForgiven = stories.every((story) => story?.mishap === undefined && story?.pullFailures === 0)
  if (history === undefined || orders.length > 0 || !isForgiven || !isShort(scenario.outage)) return []
  if (asksFor === 'Dockerfile' && !build?.pushes.some(({ isAccepted }) => isAccepted)) return []
  const isBuilt = asksFor === 'image' || build?.program.exitCode === 0
  const expected = isBuilt ? step.program.exitCode : 1
  const { exitCode, failure } = history.output
  return complain(
    exitCode !== expected,
    `a step that nothing befalls ends as its program does: ${exitCode} instead of ${expected}, ${failure?.code}: ${failure?.message}`
  )
}
