/** Follows a build's log to its end, for people and for the reason why it failed. */
import type { StepError } from '../../../errors.ts'
import type { BuildSource } from '../../../machines/types.ts'
import { inAuthorsWords } from '../../builders/choose-for.ts'
import type { BuilderDefinition } from '../../builders/definition.ts'
import { keepLines } from '../../builders/log.ts'
import { keepTelling, LAST_WORDS_BYTES_MAX } from '../../capture.ts'
import { partAt } from '../../in-place/marker.ts'
import type { Site } from '../context/site.ts'
import type { Ended } from '../pods/status.ts'
import { type FollowRequest, follow } from '../pods/wait.ts'
import { namingSecret } from '../registry/settings.ts'
import { buildFailure, throwBuildError } from './build-outcome.ts'

interface Built {
  readonly source: BuildSource
  readonly definition: BuilderDefinition
  /** In the log after the last line of the build; undefined: its container ends with it. */
  readonly marker?: string
}

interface Followed {
  /** `enough`: the marker was there. */
  readonly ended: Ended | 'enough'
  /** Why there is nothing built, from the end of the container and the log. */
  readonly failure: () => StepError
}

export async function followBuild(
  site: Site,
  container: Omit<FollowRequest, 'write' | 'isEnough' | 'since'>,
  { source, definition, marker }: Built,
  signal: AbortSignal
): Promise<Followed> {
  const tail = keepTelling(definition.telling, LAST_WORDS_BYTES_MAX)
  const ignored = definition.ignored && keepLines(definition.ignored)
  const hear = (chunk: Buffer) => {
    site.reporter.foreign(chunk)
    tail.add(chunk)
    ignored?.add(chunk)
  }
  const log = marker === undefined ? undefined : partAt(marker, hear)
  const request = { ...container, write: log?.write ?? hear, ...(log && { isEnough: log.isPast }) }
  site.reporter.group(`Build ${source.dockerfile} with ${definition.name}`)
  try {
    const ended = await follow(site, request, signal).catch(throwBuildError)
    const failure = (of: Ended) => buildFailure(of, inAuthorsWords(tail.text(), source.rewritten), definition)
    return {
      ended,
      failure: () =>
        ended === 'enough' ? definition.classifyBuildFailure(tail.text()) : namingSecret(failure(ended), site.registry)
    }
  } finally {
    site.reporter.endGroup()
    for (const words of ignored?.lines() ?? []) site.reporter.warning(`${definition.name}: ${words}`)
  }
}
