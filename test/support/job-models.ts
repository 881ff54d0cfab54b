/** The job-start, script-step, job-cleanup and ahead-build machines as the model suites walk them. */
import { aheadBuild } from '../../src/machines/ahead-build.ts'
import { jobCleanup } from '../../src/machines/job-cleanup.ts'
import { jobStart } from '../../src/machines/job-start.ts'
import type { Ledger } from '../../src/machines/ledger.ts'
import { scriptStep } from '../../src/machines/script-step.ts'
import type {
  AheadRequest,
  CleanupRequest,
  JobFacts,
  JobRequest,
  JobResolution,
  Resolution,
  ScriptRequest
} from '../../src/machines/types.ts'
import { BUILT_IN_PLACE, DIGEST, PLAN, PUSHED_IMAGE, RESOLUTIONS, SECRET, SOURCE } from './container-step-model.ts'
import { createStagedModel, failures } from './staged-model.ts'

export const jobRequest: JobRequest = { services: [], mounts: [] }

/** What resolving plans, and placing creates. */
export const JOB_THINGS: Ledger = [
  { kind: 'secret', name: 'job-1-pull' },
  { kind: 'pod', name: 'job-1' }
]
export const JOB_RESOLUTION: JobResolution = {
  nonce: '0a1b2c3d',
  creates: JOB_THINGS,
  leftovers: [{ kind: 'pod', name: 'job-0' }]
}
export const JOB_FACTS: JobFacts = { pod: 'job-1', storage: 'copy', isAlpine: false }

export const jobStartModel = createStagedModel(jobStart, jobRequest, {
  resolving: [
    { says: 'planned', output: { ...JOB_RESOLUTION, leftovers: [] } },
    { says: 'planned after an earlier job', output: JOB_RESOLUTION },
    ...failures('planning')
  ],
  starting: [{ says: 'starting done', output: {} }, ...failures('starting')],
  inspecting: [{ says: 'inspected', output: JOB_FACTS }, ...failures('inspecting')]
})

export const scriptRequest: ScriptRequest = {
  id: 'script-1',
  entryPoint: 'sh',
  args: ['-e', 'run.sh', SECRET],
  env: { TOKEN: SECRET },
  prependPath: [],
  workingDirectory: '/__w/repo'
}

export const scriptStepModel = createStagedModel(scriptStep, scriptRequest, {
  executing: [
    { says: 'exited with 0', output: { exitCode: 0 } },
    { says: 'exited with 3', output: { exitCode: 3 } },
    ...failures('executing')
  ]
})

export const cleanupRequest: CleanupRequest = { runnerPod: 'runner-1' }

/** What listing finds. */
export const LEFT_OBJECTS: Ledger = [...JOB_THINGS, { kind: 'pod', name: 'build-1' }]
export const LEFT_IMAGES: Ledger = [{ kind: 'image', name: 'registry:5000/handle:tag' }]
const images = { repository: 'handle', digests: [] }
export const LEFTOVERS = { objects: LEFT_OBJECTS, images }

export const jobCleanupModel = createStagedModel(jobCleanup, cleanupRequest, {
  listing: [
    { says: 'listed, and there may be images', output: LEFTOVERS },
    { says: 'listed', output: { objects: LEFT_OBJECTS } },
    ...failures('listing')
  ],
  removingImages: [{ says: 'images removed', output: LEFT_IMAGES }, ...failures('removing images')]
})

export const aheadRequest: AheadRequest = { dockerfile: `${PLAN.contextDirectory}/Dockerfile`, mounts: [] }

/** What resolving decides: the image of a build ahead stays for its step. */
export const AHEAD_RESOLUTION: Resolution = {
  kind: 'build',
  nonce: '0a1b2c3d',
  plan: PLAN,
  creates: { building: [{ kind: 'build-pod', name: 'build-1' }] }
}

/** The same in place: the pod stays where a step has taken it. */
export const STANDING_RESOLUTION: Resolution = {
  kind: 'in-place',
  nonce: '0a1b2c3d',
  source: SOURCE,
  creates: { buildingInPlace: [{ kind: 'standing-pod', name: 'build-1', takenBy: '0a1b2c3d' }] }
}

export const aheadBuildModel = createStagedModel(aheadBuild, aheadRequest, {
  resolving: [
    { says: 'to build', output: AHEAD_RESOLUTION },
    { says: 'to build in place', output: STANDING_RESOLUTION },
    { says: 'nothing to build', output: RESOLUTIONS.ahead },
    ...failures('resolving')
  ],
  building: [{ says: 'built', output: { digest: DIGEST } }, ...failures('building')],
  pushing: [{ says: 'pushed', output: PUSHED_IMAGE }, ...failures('pushing')],
  buildingInPlace: [{ says: 'built in place', output: BUILT_IN_PLACE }, ...failures('buildingInPlace')]
})
