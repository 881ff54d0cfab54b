/** What a container step's context says about its image in the registry, for the janitor. */
import type { ErrorCode } from '../errors.ts'
import type { PushState } from './inputs.ts'
import type { RunContext } from './run.ts'
import type { Resolution } from './types.ts'

/**
 * After these a build has come to its own bad end, or a push was not allowed: nothing is in the registry. After all others, a
 * lost pod for example, a build may have ended well unseen, and then its image is being pushed.
 */
const NOTHING_PUSHED: readonly ErrorCode[] = [
  'dockerfile-failed',
  'base-image-not-found',
  'base-image-denied',
  'base-registry-unreachable',
  'builder-out-of-memory',
  'builder-image-unavailable',
  'start-failed',
  'push-denied'
]

interface Known extends Pick<RunContext<unknown, 'building'>, 'stages' | 'failure'> {
  readonly resolution?: Resolution | undefined
  readonly image?: string | undefined
}

export function pushStateOf({ resolution, image, failure, stages }: Known): PushState {
  const builds = stages.building?.attempts ?? 0
  if (resolution === undefined || !('plan' in resolution) || builds === 0) return 'none'
  if (image !== undefined) return 'done'
  // Of an earlier attempt nobody knows how far its build pod came.
  const isKnown = builds === 1 && failure !== undefined && NOTHING_PUSHED.includes(failure.code)
  return isKnown ? 'none' : 'possible'
}
