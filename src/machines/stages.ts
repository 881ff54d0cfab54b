/**
 * What each stage of each machine is, in one table per machine: for the machines, the log, the diagram and the docs. A stage that
 * is added here and in its machine is in all of them.
 */
import type { CLEANUP_STAGES } from './cleanup-stages.ts'
import { BUILDS, POD_LOST, POD_STARTS } from './stage-codes.ts'
import { budgetsOf, type Stage, type Stages } from './table.ts'

const seconds = 1_000
const minutes = 60 * seconds
const days = 24 * 60 * minutes

/** How fast cleanup has to be: by itself, after SIGINT (SIGTERM follows 7.5 s later), after SIGTERM (SIGKILL 2.5 s later). */
export const CLEANUP_BUDGET_MS = [60 * seconds, 5.5 * seconds, 1.5 * seconds] as const
export type Urgency = 0 | 1 | 2

const CLEANING_UP = {
  label: 'Clean up',
  purpose: 'Remove everything the ledger lists; every way out passes through here.',
  port: 'janitor',
  budget: { budgetMs: CLEANUP_BUDGET_MS[0], attemptsMax: 5, backOffMs: 0.25 * seconds, backOffMsMax: 5 * seconds },
  codes: ['cleanup-failed']
} as const satisfies Stage

/** run_container_step. */
export const STEP_STAGES = {
  resolving: {
    label: 'Resolve',
    purpose:
      'Decide what to run: a prebuilt image, one already built for this content, or a build, with a registry or in place.',
    port: 'resolver',
    budget: { budgetMs: 1 * minutes, attemptsMax: 5, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
    codes: [
      'invalid-input',
      'not-configured',
      'not-supported',
      'dockerfile-not-found',
      'files-refused',
      'workspace-delivery-failed',
      'registry-unreachable',
      'push-denied'
    ]
  },
  joining: {
    label: 'Join',
    purpose: 'Wait for the image of the same content that has been in the making since the job began.',
    port: 'joiner',
    budget: { budgetMs: 30 * minutes, attemptsMax: 3, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
    codes: ['not-configured', 'registry-unreachable', 'push-denied']
  },
  building: {
    label: 'Build',
    purpose: 'Build the Dockerfile into an image layout, unprivileged and without push credentials.',
    port: 'builder',
    budget: { budgetMs: 60 * minutes, attemptsMax: 3, backOffMs: 2 * seconds, backOffMsMax: 30 * seconds },
    codes: BUILDS,
    creates: ['build-pod', 'image', 'directory']
  },
  pushing: {
    label: 'Push',
    purpose: 'Push the built layout to the registry; retried without building again.',
    port: 'pusher',
    budget: { budgetMs: 5 * minutes, attemptsMax: 7, backOffMs: 1 * seconds, backOffMsMax: 30 * seconds },
    codes: [
      'push-denied',
      'push-failed',
      'registry-unreachable',
      'layout-lost',
      'builder-lost',
      'builder-image-unavailable',
      'start-failed'
    ]
  },
  pulling: {
    label: 'Pull',
    purpose: 'Bring the workspace and the image, by digest, to where the action runs.',
    port: 'runner',
    budget: { budgetMs: 10 * minutes, attemptsMax: 3, backOffMs: 1 * seconds, backOffMsMax: 5 * seconds },
    codes: [
      'invalid-input',
      'not-configured',
      'not-supported',
      ...POD_STARTS,
      ...POD_LOST,
      'workspace-delivery-failed',
      'files-refused'
    ],
    creates: ['secret', 'pod', 'container', 'directory']
  },
  taking: {
    label: 'Take',
    purpose: 'Take the container that was built ahead for this content, once nothing of its build runs there any more.',
    port: 'inPlace',
    budget: { budgetMs: 30 * minutes, attemptsMax: 3, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
    codes: ['start-failed', ...POD_LOST],
    creates: ['standing-pod']
  },
  buildingInPlace: {
    label: 'Build in place',
    purpose: 'Build the Dockerfile in the very container that the action will run in; no registry is needed.',
    port: 'inPlace',
    budget: { budgetMs: 60 * minutes, attemptsMax: 3, backOffMs: 2 * seconds, backOffMsMax: 30 * seconds },
    codes: BUILDS,
    creates: ['build-pod']
  },
  handingOver: {
    label: 'Hand over',
    purpose: 'Bring workspace and environment to where the action was built in place, and start it there.',
    port: 'inPlace',
    budget: { budgetMs: 10 * minutes, attemptsMax: 3, backOffMs: 1 * seconds, backOffMsMax: 5 * seconds },
    codes: ['invalid-input', 'layout-lost', 'start-failed', ...POD_LOST, 'workspace-delivery-failed', 'files-refused']
  },
  running: {
    label: 'Run',
    purpose: 'Run the action once, stream its log, and learn its own exit code.',
    port: 'runner',
    budget: { budgetMs: 5 * days, attemptsMax: 1, backOffMs: 0, backOffMsMax: 0 },
    codes: POD_LOST
  },
  collecting: {
    label: 'Collect',
    purpose: 'Bring workspace, home and file commands back to the runner, after success and after failure.',
    port: 'workspace',
    budget: { budgetMs: 5 * minutes, attemptsMax: 12, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
    codes: ['collect-failed', 'files-refused', 'run-lost']
  },
  cleaningUp: CLEANING_UP
} as const satisfies Stages

/** build_ahead, for each action that the job has. */
export const AHEAD_STAGES = {
  resolving: {
    ...STEP_STAGES.resolving,
    purpose: 'Look whether the action has to be built: not what is there, or what a step builds already.'
  },
  building: { ...STEP_STAGES.building, creates: ['build-pod'] },
  pushing: STEP_STAGES.pushing,
  buildingInPlace: {
    ...STEP_STAGES.buildingInPlace,
    purpose: 'Build the Dockerfile in the container that its step will take.',
    creates: ['standing-pod']
  },
  standing: {
    label: 'Stand',
    purpose: 'Wait, with what was built, for the step that takes it.',
    port: 'stander',
    budget: { budgetMs: 45 * minutes, attemptsMax: 3, backOffMs: 1 * seconds, backOffMsMax: 5 * seconds },
    codes: ['builder-lost']
  },
  cleaningUp: {
    ...CLEANING_UP,
    purpose: 'Remove the build pod, unless a step has taken it; an image waits for its step.'
  }
} as const satisfies Stages

/** prepare_job. `starting` is bounded by ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS, 600 by default. */
export const JOB_STAGES = {
  resolving: {
    label: 'Plan',
    purpose: 'Check what the job asks for, and decide what its pod will look like.',
    port: 'host',
    budget: STEP_STAGES.resolving.budget,
    codes: ['invalid-input', 'not-configured', 'not-supported']
  },
  sweeping: {
    label: 'Sweep',
    purpose: 'Remove what an earlier job of the same runner pod left, and wait until it is gone.',
    port: 'host',
    budget: { budgetMs: 10 * minutes, attemptsMax: 3, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
    codes: ['cleanup-failed']
  },
  placing: {
    label: 'Place',
    purpose: 'Create the job pod and its pull secret, and bring the files of the runner there.',
    port: 'host',
    budget: { budgetMs: 10 * minutes, attemptsMax: 3, backOffMs: 0.5 * seconds, backOffMsMax: 5 * seconds },
    codes: [...POD_STARTS, ...POD_LOST, 'workspace-delivery-failed', 'files-refused'],
    creates: ['secret', 'pod']
  },
  starting: {
    label: 'Start',
    purpose: 'Wait until every container is up and every service is healthy.',
    port: 'host',
    budget: { budgetMs: 10 * minutes, attemptsMax: 4, backOffMs: 1 * seconds, backOffMsMax: 5 * seconds },
    codes: [...POD_STARTS, ...POD_LOST, 'workspace-delivery-failed']
  },
  inspecting: {
    label: 'Inspect',
    purpose: 'Find out what the runner asks about the job container: whether it is Alpine.',
    port: 'host',
    budget: { budgetMs: 1 * minutes, attemptsMax: 10, backOffMs: 0.25 * seconds, backOffMsMax: 5 * seconds },
    codes: ['run-lost']
  },
  cleaningUp: CLEANING_UP
} as const satisfies Stages

/** run_script_step. An attempt of `executing` is one connection: a long step may lose many and still end well. */
export const SCRIPT_STAGES = {
  executing: {
    label: 'Execute',
    purpose:
      'Start the script detached, stream its log, and join it again after a lost connection, until its exit code is there.',
    port: 'host',
    budget: { budgetMs: 5 * days, attemptsMax: 500, backOffMs: 0.1 * seconds, backOffMsMax: 5 * seconds },
    codes: [
      'invalid-input',
      'not-configured',
      'workspace-delivery-failed',
      'files-refused',
      'start-failed',
      ...POD_LOST
    ],
    creates: ['process']
  },
  cleaningUp: { ...CLEANING_UP, purpose: 'End what still runs of the script, and remove its files.' }
} as const satisfies Stages

export type StageName = keyof typeof STEP_STAGES
export type AheadStageName = keyof typeof AHEAD_STAGES
export type JobStageName = keyof typeof JOB_STAGES
export type ScriptStageName = keyof typeof SCRIPT_STAGES
export type CleanupStageName = keyof typeof CLEANUP_STAGES
/** A stage of any machine. */
export type AnyStageName = StageName | AheadStageName | JobStageName | ScriptStageName | CleanupStageName

export const BUDGETS = budgetsOf<StageName>(STEP_STAGES)
export const AHEAD_BUDGETS = budgetsOf<AheadStageName>(AHEAD_STAGES)
export const JOB_BUDGETS = budgetsOf<JobStageName>(JOB_STAGES)
export const SCRIPT_BUDGETS = budgetsOf<ScriptStageName>(SCRIPT_STAGES)
export type Budgets = typeof BUDGETS
export type AheadBudgets = typeof AHEAD_BUDGETS
export type JobBudgets = typeof JOB_BUDGETS
export type ScriptBudgets = typeof SCRIPT_BUDGETS
