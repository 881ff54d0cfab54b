/**
 * The script-step machine: run_script_step, one script in the job container that survives lost connections, for the hook.
 *
 *   executing -> succeeded | failed
 *
 * A script that ended by itself has nothing left to clean up; failures and CANCEL go through cleaningUp, which ends its processes.
 */
import { defineMachine, port } from './machine.ts'
import type { RunContext, RunOutput } from './run.ts'
import { SCRIPT_STAGES, type ScriptStageName } from './stages.ts'
import type { RunResult, ScriptRequest } from './types.ts'

type ScriptContext = RunContext<ScriptRequest, ScriptStageName>
export type ScriptOutput = RunOutput<ScriptStageName>

const { attempts, cleaningUp, machine } = defineMachine({
  id: 'script-step',
  stages: SCRIPT_STAGES,
  types: { context: {} as ScriptContext, output: {} as ScriptOutput },
  actors: { execute: port<ScriptRequest, RunResult>() }
})

export const scriptStep = machine({
  initial: 'executing',
  output: () => ({}),
  states: {
    executing: attempts('executing', {
      actor: 'execute',
      input: ({ request }) => request,
      creates: ({ request }) => [{ kind: 'process', name: request.id }],
      onDone: (_context, { exitCode }) => ({ exitCode }),
      done: [
        { target: 'succeeded', when: 'exit code 0', guard: (_context, { exitCode }) => exitCode === 0 },
        { target: 'failed', when: 'another exit code' }
      ]
    }),
    cleaningUp: cleaningUp(['cancelled', 'failed'])
  }
})
