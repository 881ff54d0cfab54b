/** What each state of the container-step machine is for: read by the diagram, the docs, the trace and the log. */
import { BUDGETS, type StageName } from './budgets.ts'
import type { StepPorts } from './ports.ts'
import type { Outcome } from './types.ts'

/** Metadata of a state. `budgetMs`: how long the state may last before it counts as a failure. */
export interface StateMeta {
  readonly label: string
  readonly purpose: string
  readonly port?: keyof StepPorts
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

export const OUTCOMES: Readonly<Record<Outcome, StateMeta>> = {
  succeeded: { label: 'Succeeded', purpose: 'The action ran and exited with 0; nothing is left behind.' },
  failed: {
    label: 'Failed',
    purpose: 'A stage failed, or the action exited with another code; nothing is left behind.'
  },
  cancelled: { label: 'Cancelled', purpose: 'The runner cancelled the step; nothing is left behind.' },
  stuck: { label: 'Stuck', purpose: 'Cleanup could not finish; the output lists what remains.' }
}
