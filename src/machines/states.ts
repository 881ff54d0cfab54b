/** What each state of the machines is for: read by the diagram, the docs, the trace and the log. */
import {
  type AnyStageName,
  BUDGETS,
  JOB_BUDGETS,
  type JobStageName,
  SCRIPT_BUDGETS,
  type ScriptStageName,
  type StageName
} from './budgets.ts'
import type { JobPorts, ScriptPorts, StepPorts } from './ports.ts'
import type { Outcome } from './types.ts'

/** Metadata of a state. `budgetMs`: how long the state may last before it counts as a failure. */
export interface StateMeta {
  readonly label: string
  readonly purpose: string
  readonly port?: keyof StepPorts | keyof JobPorts | keyof ScriptPorts
  readonly budgetMs?: number
}

export const STAGES: Readonly<Record<StageName, StateMeta>> = {
  resolving: {
    label: 'Resolve',
    purpose: 'Decide what to run: a prebuilt image, one already built for this content, or a build.',
    port: 'resolver',
    budgetMs: BUDGETS.resolving.budgetMs
  },
  building: {
    label: 'Build',
    purpose: 'Build the Dockerfile into an image layout, unprivileged and without push credentials.',
    port: 'builder',
    budgetMs: BUDGETS.building.budgetMs
  },
  pushing: {
    label: 'Push',
    purpose: 'Push the built layout to the registry; retried without building again.',
    port: 'pusher',
    budgetMs: BUDGETS.pushing.budgetMs
  },
  pulling: {
    label: 'Pull',
    purpose: 'Bring the workspace and the image, by digest, to where the action runs.',
    port: 'runner',
    budgetMs: BUDGETS.pulling.budgetMs
  },
  running: {
    label: 'Run',
    purpose: 'Run the action once, stream its log, and learn its own exit code.',
    port: 'runner',
    budgetMs: BUDGETS.running.budgetMs
  },
  collecting: {
    label: 'Collect',
    purpose: 'Bring workspace, home and file commands back to the runner, after success and after failure.',
    port: 'workspace',
    budgetMs: BUDGETS.collecting.budgetMs
  },
  cleaningUp: {
    label: 'Clean up',
    purpose: 'Remove everything the ledger lists; every way out passes through here.',
    port: 'janitor',
    budgetMs: BUDGETS.cleaningUp.budgetMs
  }
}

export const JOB_STAGES: Readonly<Record<JobStageName, StateMeta>> = {
  resolving: {
    label: 'Plan',
    purpose: 'Check what the job asks for, and decide what its pod will look like.',
    port: 'host',
    budgetMs: JOB_BUDGETS.resolving.budgetMs
  },
  placing: {
    label: 'Place',
    purpose: 'Create the job pod and its pull secret, and bring the files of the runner there.',
    port: 'host',
    budgetMs: JOB_BUDGETS.placing.budgetMs
  },
  starting: {
    label: 'Start',
    purpose: 'Wait until every container is up and every service is healthy.',
    port: 'host',
    budgetMs: JOB_BUDGETS.starting.budgetMs
  },
  inspecting: {
    label: 'Inspect',
    purpose: 'Find out what the runner asks about the job container: whether it is Alpine.',
    port: 'host',
    budgetMs: JOB_BUDGETS.inspecting.budgetMs
  },
  cleaningUp: STAGES.cleaningUp
}

export const SCRIPT_STAGES: Readonly<Record<ScriptStageName, StateMeta>> = {
  executing: {
    label: 'Execute',
    purpose:
      'Start the script detached, stream its log, and join it again after a lost connection, until its exit code is there.',
    port: 'host',
    budgetMs: SCRIPT_BUDGETS.executing.budgetMs
  },
  cleaningUp: {
    ...STAGES.cleaningUp,
    purpose: 'End what still runs of the script, and remove its files.'
  }
}

export const OUTCOMES: Readonly<Record<Outcome, StateMeta>> = {
  succeeded: { label: 'Succeeded', purpose: 'The action ran and exited with 0; nothing is left behind.' },
  failed: {
    label: 'Failed',
    purpose: 'A stage failed, or the action exited with another code; nothing is left behind.'
  },
  cancelled: { label: 'Cancelled', purpose: 'The runner cancelled the step; nothing is left behind.' },
  stuck: { label: 'Stuck', purpose: 'Cleanup could not finish; the output lists what remains.' }
}

/** Metadata of a stage of whichever machine, for those who only know its name. */
export const ANY_STAGE: Readonly<Record<AnyStageName, StateMeta>> = { ...JOB_STAGES, ...SCRIPT_STAGES, ...STAGES }
