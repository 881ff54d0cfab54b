/**
 * Where each machine goes, written by hand from docs/ARCHITECTURE.md and from nothing of src: the paths of the production
 * machines are compared with it. Events are the words of the models (test/support/*-model*.ts).
 */

export interface Rules {
  readonly begins: string
  /** Stage -> what its actor answers -> where that leads. */
  readonly stages: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Where a failure leads, when that is not to cleaningUp. */
  readonly failed: Readonly<Record<string, string>>
  /** Stages that are attempted a single time. */
  readonly once: readonly string[]
  /** Stages whose actor tries again by itself, and is there until the stage is over: nothing it answers is waited for. */
  readonly repeats?: readonly string[]
  /** Stages whose failure is no failure of the run. */
  readonly pardoned?: readonly string[]
}

/** Stands for cleaningUp's success: the end is decided by what was before. */
const AS_IT_WAS = 'cancelled | failed | succeeded'
/** Stands for where job-cleanup goes once all objects are gone. */
const IF_IMAGES = 'removingImages | succeeded'
const cleaningUp = { 'cleaningUp done': AS_IT_WAS }

export const RULES: Readonly<Record<string, Rules>> = {
  'container-step': {
    begins: 'resolving',
    stages: {
      resolving: {
        'to build': 'building',
        'to build in place': 'buildingInPlace',
        'being built ahead': 'joining',
        'built ahead in place': 'taking',
        'already built': 'pulling',
        prebuilt: 'pulling'
      },
      joining: { joined: 'pulling', 'nothing to join': 'building' },
      building: { built: 'pushing' },
      pushing: { pushed: 'pulling' },
      pulling: { 'pulling done': 'running' },
      taking: { taken: 'handingOver', 'nothing to take': 'buildingInPlace' },
      buildingInPlace: { 'built in place': 'handingOver' },
      handingOver: { 'handed over': 'running' },
      running: { 'exited with 0': 'collecting', 'exited with 3': 'collecting' },
      collecting: { 'collecting done': 'cleaningUp' },
      cleaningUp
    },
    failed: { joining: 'building', taking: 'buildingInPlace', running: 'collecting', cleaningUp: 'stuck' },
    once: ['running'],
    repeats: ['pushing'],
    pardoned: ['joining', 'taking']
  },
  'job-start': {
    begins: 'resolving',
    stages: {
      resolving: { planned: 'placing', 'planned after an earlier job': 'sweeping' },
      sweeping: { 'sweeping done': 'placing' },
      placing: { 'placing done': 'starting' },
      starting: { 'starting done': 'inspecting' },
      inspecting: { inspected: 'succeeded' },
      cleaningUp
    },
    failed: { cleaningUp: 'stuck' },
    once: []
  },
  'script-step': {
    begins: 'executing',
    stages: { executing: { 'exited with 0': 'succeeded', 'exited with 3': 'failed' }, cleaningUp },
    failed: { cleaningUp: 'stuck' },
    once: []
  },
  'job-cleanup': {
    begins: 'listing',
    stages: {
      listing: { 'listed, and there may be images': 'removingObjects', listed: 'removingObjects' },
      removingObjects: { 'removingObjects done': 'confirming' },
      confirming: { 'confirming done': IF_IMAGES },
      removingImages: { 'images removed': 'succeeded' }
    },
    failed: { listing: 'failed', removingObjects: 'stuck', confirming: 'stuck', removingImages: 'succeeded' },
    once: [],
    pardoned: ['removingImages']
  },
  'ahead-build': {
    begins: 'resolving',
    stages: {
      resolving: { 'to build': 'building', 'to build in place': 'buildingInPlace', 'nothing to build': 'succeeded' },
      building: { built: 'pushing' },
      pushing: { pushed: 'cleaningUp' },
      buildingInPlace: { 'built in place': 'standing' },
      standing: { 'standing done': 'cleaningUp' },
      cleaningUp
    },
    failed: { cleaningUp: 'stuck' },
    once: [],
    repeats: ['pushing']
  }
}

/** All that decides what comes next. */
export interface Situation {
  readonly stage: string
  /** For the next attempt. */
  readonly waits: boolean
  readonly attempt: number
  /** How often it was told to hurry: 0, 1 or 2. */
  readonly urgency: number
  readonly cancelled: boolean
  readonly failed: boolean
  /** Of job-cleanup: the job may have images. */
  readonly images: boolean
  readonly exitCode: number | undefined
}

export const begin = ({ begins }: Rules): Situation => ({
  stage: begins,
  waits: false,
  attempt: 1,
  urgency: 0,
  cancelled: false,
  failed: false,
  images: false,
  exitCode: undefined
})

/** Where an event leads; undefined when it cannot happen there. */
export function next(rules: Rules, now: Situation, event: string, attemptsMax: number): Situation | undefined {
  const answers = rules.stages[now.stage]
  if (answers === undefined) return undefined
  const to = (stage: string, change: Partial<Situation> = {}) => ({
    ...now,
    stage,
    waits: false,
    attempt: 1,
    ...change
  })
  const isCleaning = now.stage === 'cleaningUp'
  const isPardoned = isCleaning || rules.pardoned?.includes(now.stage)
  const fail = () => to(rules.failed[now.stage] ?? 'cleaningUp', isPardoned ? {} : { failed: true })
  const wayOut = 'cleaningUp' in rules.stages ? 'cleaningUp' : 'cancelled'
  if (event === 'cancel' && !isCleaning) return to(wayOut, { cancelled: true, urgency: 1 })
  if (event === 'cancel') return now.urgency < 2 ? to('cleaningUp', { urgency: now.urgency + 1 }) : undefined
  if (event === `${now.stage} took too long`) return fail()
  if (rules.repeats?.includes(now.stage) && event.endsWith('backed off')) return undefined
  if (event === `${now.stage} backed off`) return now.waits ? to(now.stage, { attempt: now.attempt + 1 }) : undefined
  if (rules.repeats?.includes(now.stage)) {
    const isLast = event.endsWith('for good') || now.attempt >= attemptsMax
    if (event.startsWith('a try failed')) return now.waits ? undefined : isLast ? fail() : { ...now, waits: true }
    if (event === 'next try') return now.waits ? { ...now, waits: false, attempt: now.attempt + 1 } : undefined
    if (event.startsWith(`${now.stage} failed`)) return fail()
  } else if (now.waits) return undefined
  if (event === `${now.stage} failed for good`) return fail()
  if (event === `${now.stage} failed for now`) {
    const isTriedAgain = !rules.once.includes(now.stage) && now.attempt < attemptsMax
    return isTriedAgain ? { ...now, waits: true } : fail()
  }
  const target = answers[event]
  if (target === undefined) return undefined
  const [, code] = /^exited with (\d+)$/.exec(event) ?? []
  const isDecided =
    ['inspected', 'confirming done', 'nothing to build', 'pushed', 'standing done'].includes(event) &&
    !('running' in rules.stages)
  const exitCode = code === undefined ? (isDecided ? 0 : now.exitCode) : Number(code)
  const images = now.images || event === 'listed, and there may be images'
  if (target === IF_IMAGES) return to(images ? 'removingImages' : 'succeeded', { exitCode, images })
  return to(target === AS_IT_WAS ? endOf(now) : target, { exitCode, images })
}

const endOf = ({ cancelled, failed, exitCode }: Situation): string =>
  cancelled ? 'cancelled' : failed || exitCode !== 0 ? 'failed' : 'succeeded'

/** How the hook exits: as the program did; else 130 after a cancel, 1 after a failure (of the codes that models use). */
export const exitCodeOf = ({ cancelled, failed, exitCode }: Situation): number =>
  exitCode || (failed ? 1 : cancelled ? 130 : (exitCode ?? 1))
