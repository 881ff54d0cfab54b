/** What each stage of job-cleanup is: as src/machines/stages.ts says of the others. */
import { budgetsOf, type Stages } from './table.ts'

const seconds = 1_000
const minutes = 60 * seconds

/** cleanup_job. The runner asks only once, so an API server that is being restarted is waited for. */
export const CLEANUP_STAGES = {
  listing: {
    label: 'List',
    purpose: 'Find everything that is labelled for the runner pod, and what its job has built.',
    port: 'cleaner',
    budget: { budgetMs: 10 * minutes, attemptsMax: 5, backOffMs: 2 * seconds, backOffMsMax: 10 * seconds },
    codes: ['not-supported']
  },
  removingObjects: {
    label: 'Remove',
    purpose: 'Delete the pods and Secrets of the job.',
    port: 'cleaner',
    budget: { budgetMs: 10 * minutes, attemptsMax: 5, backOffMs: 2 * seconds, backOffMsMax: 10 * seconds },
    codes: ['cleanup-failed']
  },
  confirming: {
    label: 'Confirm',
    purpose: 'Wait until all of it is gone: until then, a pod may go on pushing.',
    port: 'cleaner',
    budget: { budgetMs: 10 * minutes, attemptsMax: 5, backOffMs: 2 * seconds, backOffMsMax: 10 * seconds },
    codes: ['cleanup-failed', 'not-supported']
  },
  removingImages: {
    label: 'Remove images',
    purpose: 'Remove the images of the job from the registry; what stays there, `slipway gc` removes.',
    port: 'cleaner',
    budget: { budgetMs: 5 * minutes, attemptsMax: 2, backOffMs: 2 * seconds, backOffMsMax: 2 * seconds },
    codes: ['not-configured', 'push-denied', 'registry-unreachable', 'cleanup-failed']
  }
} as const satisfies Stages

export const CLEANUP_BUDGETS = budgetsOf<keyof typeof CLEANUP_STAGES>(CLEANUP_STAGES)
export type CleanupBudgets = typeof CLEANUP_BUDGETS
