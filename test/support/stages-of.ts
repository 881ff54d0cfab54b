/** The tables of stages by the id of their machine, for tests that hold something against all of them. */
import { CLEANUP_STAGES } from '../../src/machines/cleanup-stages.ts'
import { AHEAD_STAGES, JOB_STAGES, SCRIPT_STAGES, STEP_STAGES } from '../../src/machines/stages.ts'
import type { Stages } from '../../src/machines/table.ts'

export const STAGES_OF: Readonly<Record<string, Stages>> = {
  'container-step': STEP_STAGES,
  'job-start': JOB_STAGES,
  'script-step': SCRIPT_STAGES,
  'job-cleanup': CLEANUP_STAGES,
  'ahead-build': AHEAD_STAGES
}
