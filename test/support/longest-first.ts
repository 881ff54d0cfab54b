/**
 * The order in which vitest starts the files of a run: those that take longest first, so that at the end no worker waits for the last one.
 * By itself vitest starts the largest files first where it remembers no run, and how long a file is says nothing here.
 */
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Longest first, of a run on two cores; the others take their turn after them. */
export const LONGEST: readonly string[] = [
  'test/cluster/secured-registry.test.ts',
  'test/parity/kaniko.test.ts',
  'test/cluster/ahead-in-place.test.ts',
  'test/cluster/ahead.test.ts',
  'test/cluster/connections.test.ts',
  'test/cluster/boundary-files.test.ts',
  'test/cluster/buildkit-in-pod.test.ts',
  'test/cluster/boundary-build.test.ts',
  'test/cluster/prepare-job.test.ts',
  'test/cluster/odd-files.test.ts',
  'test/cluster/unstartable.test.ts',
  'test/cluster/image-action.test.ts',
  'test/cluster/in-place.test.ts',
  'test/cluster/any-dockerfile.test.ts',
  'test/cluster/buildkit.test.ts',
  'test/parity/in-place.test.ts',
  'test/cluster/dockerfile-action.test.ts',
  'test/cluster/boundary-file-commands.test.ts',
  'test/cluster/burst.test.ts',
  'test/cluster/script-step.test.ts',
  'test/cluster/user-namespaces.test.ts',
  'test/cluster/boundary-state.test.ts',
  'test/cluster/doctor.test.ts',
  'test/sim/job.test.ts',
  'test/contract/local.test.ts',
  'test/sim/job-random.test.ts',
  'test/unit/effects/kubernetes/script/host.test.ts',
  'test/contract/hook-process.test.ts'
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files)
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder
    const rankOf = ({ moduleId }: TestSpecification) => {
      const rank = LONGEST.indexOf(relative(this.ctx.config.root, moduleId))
      return rank < 0 ? LONGEST.length : rank
    }
    return usual
      .map((file, at) => ({ file, at }))
      .sort(
        (one, other) =>
          groupOf(one.file) - groupOf(other.file) || rankOf(one.file) - rankOf(other.file) || one.at - other.at
      )
      .map(({ file }) => file)
  }
}
