/** What a build writes, for people, and for the reason why it failed. */
import type { StepError } from '../../../errors.ts'
import type { BuildSource } from '../../../machines/types.ts'
import { inAuthorsWords } from '../../builders/choose-for.ts'
import type { BuilderDefinition } from '../../builders/definition.ts'
import { keepLines } from '../../builders/log.ts'
import { keepTelling, LAST_WORDS_BYTES_MAX } from '../../capture.ts'
import type { Site } from '../context/site.ts'
import type { Ended } from '../pods/status.ts'
import { namingSecret } from '../registry/settings.ts'
import { buildFailure } from './build-outcome.ts'

export interface BuildLog {
  readonly write: (chunk: Buffer) => void
  /** Why there is nothing built, from the end of the container and from what was written. */
  readonly failure: (ended: Ended) => StepError
}

/** Does what a build is followed with, in a group of the step's log; what the builder has left out is told behind it. */
export async function inBuildLog<T>(
  { reporter, registry, baseImageSecret }: Site,
  { dockerfile, rewritten }: Pick<BuildSource, 'dockerfile' | 'rewritten'>,
  definition: BuilderDefinition,
  work: (log: BuildLog) => Promise<T>
): Promise<T> {
  const tail = keepTelling(definition.telling, LAST_WORDS_BYTES_MAX)
  const ignored = definition.ignored && keepLines(definition.ignored)
  reporter.group(`Build ${dockerfile} with ${definition.name}`)
  try {
    return await work({
      write(chunk) {
        reporter.foreign(chunk)
        tail.add(chunk)
        ignored?.add(chunk)
      },
      failure: (ended) =>
        namingSecret(buildFailure(ended, inAuthorsWords(tail.text(), rewritten), definition), {
          baseImageSecret,
          ...registry
        })
    })
  } finally {
    reporter.endGroup()
    for (const words of ignored?.lines() ?? []) reporter.warning(`${definition.name}: ${words}`)
  }
}
