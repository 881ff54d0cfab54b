/** The job-start and script-step machines as the model suites walk them. */
import { jobStart } from '../../src/machines/job-start.ts'
import { scriptStep } from '../../src/machines/script-step.ts'
import type { JobRequest, ScriptRequest } from '../../src/machines/types.ts'
import { createStagedModel, failures } from './staged-model.ts'

const jobRequest: JobRequest = { services: [], mounts: [] }

export const jobStartModel = createStagedModel(jobStart, jobRequest, {
  resolving: [{ says: 'planned', output: [{ kind: 'pod', name: 'job-1' }] }, ...failures('planning')],
  placing: [{ says: 'placed', output: undefined }, ...failures('placing')],
  starting: [{ says: 'started', output: undefined }, ...failures('starting')],
  inspecting: [
    { says: 'inspected', output: { pod: 'job-1', storage: 'copy', isAlpine: false } },
    ...failures('inspecting')
  ],
  cleaningUp: [{ says: 'cleaned up', output: undefined }, ...failures('cleaning up')]
})

const scriptRequest: ScriptRequest = {
  id: 'script-1',
  entryPoint: 'sh',
  args: ['-e', 'run.sh'],
  env: {},
  prependPath: [],
  workingDirectory: '/__w/repo'
}

export const scriptStepModel = createStagedModel(scriptStep, scriptRequest, {
  executing: [
    { says: 'exited with 0', output: { exitCode: 0 } },
    { says: 'exited with 3', output: { exitCode: 3 } },
    ...failures('executing')
  ],
  cleaningUp: [{ says: 'cleaned up', output: undefined }, ...failures('cleaning up')]
})
