/**
 * The job-start machine: prepare_job, from what the workflow asks for to a job pod that is up, for the hook.
 *
 *   resolving -> sweeping -> placing -> starting -> inspecting -> succeeded
 *
 * Where no earlier job has left anything, resolving leads to placing. Failures and CANCEL go through cleaningUp to failed | cancelled | stuck. After success the pod stays: cleanup_job removes it.
 */
import type { InspectInput, JobInput, PlaceInput, StartInput } from './inputs.ts'
import type { Ledger } from './ledger.ts'
import { defineMachine, known, port } from './machine.ts'
import type { RunContext, RunOutput } from './run.ts'
import { JOB_STAGES, type JobStageName } from './stages.ts'
import type { JobFacts, JobRequest, JobResolution, JobStart } from './types.ts'

interface JobContext extends RunContext<JobRequest, JobStageName> {
  readonly resolution?: JobResolution | undefined
  readonly started?: JobStart | undefined
  readonly facts?: JobFacts | undefined
}

export interface JobOutput extends RunOutput<JobStageName> {
  readonly facts?: JobFacts | undefined
}

const resolutionOf = ({ resolution }: JobContext): JobResolution => known(resolution, 'what was resolved')

const jobInput = (context: JobContext): JobInput => ({
  request: context.request,
  nonce: resolutionOf(context).nonce
})

const { attempts, cleaningUp, machine } = defineMachine({
  id: 'job-start',
  stages: JOB_STAGES,
  types: { context: {} as JobContext, output: {} as JobOutput },
  actors: {
    plan: port<JobRequest, JobResolution>(),
    sweep: port<Ledger, void>(),
    place: port<PlaceInput, void>(),
    start: port<StartInput, JobStart>(),
    inspect: port<InspectInput, JobFacts>()
  }
})

export const jobStart = machine({
  initial: 'resolving',
  output: ({ facts }) => ({ facts }),
  states: {
    resolving: attempts('resolving', {
      actor: 'plan',
      input: ({ request }) => request,
      onDone: (_context, resolution) => ({ resolution }),
      done: [
        {
          target: 'sweeping',
          when: 'an earlier job has left something',
          guard: (_context, { leftovers }) => leftovers.length > 0
        },
        { target: 'placing' }
      ]
    }),
    sweeping: attempts('sweeping', {
      actor: 'sweep',
      input: (context) => resolutionOf(context).leftovers,
      done: [{ target: 'placing' }]
    }),
    placing: attempts('placing', {
      actor: 'place',
      input: (context) => ({ ...jobInput(context), leftovers: resolutionOf(context).leftovers }),
      creates: (context) => resolutionOf(context).creates,
      done: [{ target: 'starting' }]
    }),
    starting: attempts('starting', {
      actor: 'start',
      input: (context) => ({
        ...jobInput(context),
        startedAtMs: known(context.stages.starting, 'the stage').startedAtMs
      }),
      onDone: (_context, started) => ({ started }),
      done: [{ target: 'inspecting' }]
    }),
    inspecting: attempts('inspecting', {
      actor: 'inspect',
      input: (context) => ({ ...jobInput(context), ...context.started }),
      onDone: (_context, facts) => ({ facts, exitCode: 0 }),
      done: [{ target: 'succeeded' }]
    }),
    cleaningUp: cleaningUp(['cancelled', 'failed'])
  }
})
