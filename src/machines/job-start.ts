/**
 * The job-start machine: prepare_job, from what the workflow asks for to a job pod that is up, for the hook.
 *
 *   resolving -> placing -> starting -> inspecting -> succeeded
 *
 * Failures and CANCEL go through cleaningUp to failed | cancelled | stuck. After success the pod stays: cleanup_job removes it.
 */
import type { Ledger } from './ledger.ts'
import { defineMachine, port } from './machine.ts'
import type { RunContext, RunOutput } from './run.ts'
import { JOB_STAGES, type JobStageName } from './stages.ts'
import type { JobFacts, JobRequest } from './types.ts'

interface JobContext extends RunContext<JobRequest, JobStageName> {
  readonly planned?: Ledger | undefined
  readonly facts?: JobFacts | undefined
}

export interface JobOutput extends RunOutput<JobStageName> {
  readonly facts?: JobFacts | undefined
}

const { attempts, cleaningUp, machine } = defineMachine({
  id: 'job-start',
  stages: JOB_STAGES,
  types: { context: {} as JobContext, output: {} as JobOutput },
  actors: {
    plan: port<JobRequest, Ledger>(),
    place: port<JobRequest, void>(),
    start: port<JobRequest, void>(),
    inspect: port<JobRequest, JobFacts>()
  }
})

export const jobStart = machine({
  initial: 'resolving',
  output: ({ facts }) => ({ facts }),
  states: {
    resolving: attempts('resolving', {
      actor: 'plan',
      input: ({ request }) => request,
      onDone: (_context, planned) => ({ planned }),
      done: [{ target: 'placing' }]
    }),
    placing: attempts('placing', {
      actor: 'place',
      input: ({ request }) => request,
      creates: ({ planned = [] }) => planned,
      done: [{ target: 'starting' }]
    }),
    starting: attempts('starting', {
      actor: 'start',
      input: ({ request }) => request,
      done: [{ target: 'inspecting' }]
    }),
    inspecting: attempts('inspecting', {
      actor: 'inspect',
      input: ({ request }) => request,
      onDone: (_context, facts) => ({ facts, exitCode: 0 }),
      done: [{ target: 'succeeded' }]
    }),
    cleaningUp: cleaningUp(['cancelled', 'failed'])
  }
})
