/** prepare_job: brings up the job's container and its services, and tells the runner about them. */
import { contextPorts } from '../../effects/kubernetes/specs/ports.ts'
import type { Reporter } from '../../effects/log/reporter.ts'
import { runJobStart } from '../../effects/run/wire.ts'
import { workDirectoryOf } from '../../effects/work-tree/layout.ts'
import { ERROR_CODES } from '../../errors.ts'
import { JOB_BUDGETS, JOB_STAGES, type JobBudgets } from '../../machines/stages.ts'
import type { ContainerRequest, JobFacts, JobRequest } from '../../machines/types.ts'
import { afterStep } from '../after-step.ts'
import { cleanUpJob } from '../clean-up-job.ts'
import type { Command } from '../context.ts'
import { observed } from '../observed-run.ts'
import { toJobRequest } from '../requests/job.ts'
import { openResponse } from '../response.ts'
import { aheadStart } from '../start-ahead.ts'
import type { JobState } from '../state.ts'

export const command: Command<'prepare_job'> = async ({ args, responseFile }, context) => {
  const { config, backends, cancels, reporter } = context
  const request = toJobRequest(args, config.paths)
  const startTimeoutMs = readTimeoutMs(config.prepareTimeout, reporter)
  const budgets = budgetsFor(startTimeoutMs)
  const response = await openResponse(responseFile, workDirectoryOf(config.paths))
  try {
    const { createJobPorts } = await backends.jobs()
    const ports = createJobPorts({ ...config, startTimeoutMs }, context)
    const ahead = aheadStart(context)
    const { exitCode, facts } = await observed(context, { stages: JOB_STAGES, budgets }, (observers) =>
      runJobStart({
        request,
        ports,
        budgets,
        observers: [...observers, ahead.observer],
        onCancel: cancels.listen
      })
    )
    await ahead.done()
    if (exitCode !== 0 || facts === undefined) return await afterStep(context, exitCode)
    await response.write(responseOf(request, facts)).catch(async (thrown: unknown) => {
      // Nobody will know of this job pod.
      const { createCleanupPorts } = await backends.cleanup()
      await cleanUpJob(context, createCleanupPorts(config, context), cancels.listen)
      await afterStep(context, ERROR_CODES.internal.exitCode)
      throw thrown
    })
    return await afterStep(context, exitCode)
  } finally {
    await response.close()
  }
}

/** hook-protocol section 3: services in the order of the request, each with a map of ports. */
function responseOf({ container, services }: JobRequest, facts: JobFacts): object {
  const state: JobState = { jobPod: facts.pod, storage: facts.storage }
  const shown = ({ image, ports }: ContainerRequest) => ({ image, ports: contextPorts(ports) })
  return {
    state,
    context: {
      ...(container !== undefined && { container: shown(container) }),
      ...(services.length > 0 && { services: services.map(shown) })
    },
    isAlpine: facts.isAlpine
  }
}

/** ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS in milliseconds; what cannot be one is the default, with a warning. */
function readTimeoutMs(text: string | undefined, reporter: Reporter): number {
  if (text === undefined) return JOB_BUDGETS.starting.budgetMs
  if (/^\d{1,7}$/.test(text) && Number(text) > 0) return Number(text) * 1_000
  const seconds = JOB_BUDGETS.starting.budgetMs / 1_000
  reporter.warning(
    `ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS must be a whole number above 0, but is '${text}': ${seconds} is taken`
  )
  return JOB_BUDGETS.starting.budgetMs
}

/** In copy mode placing waits for a node too, and then for the files. */
const budgetsFor = (startMs: number): JobBudgets => ({
  ...JOB_BUDGETS,
  placing: { ...JOB_BUDGETS.placing, budgetMs: JOB_BUDGETS.placing.budgetMs + startMs },
  starting: { ...JOB_BUDGETS.starting, budgetMs: startMs }
})
