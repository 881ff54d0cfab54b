/** What stages have in common that they may end with, for their tables. */
import type { ErrorCode } from '../errors.ts'

/** A pod that does not start. */
export const POD_STARTS = [
  'image-not-found',
  'image-denied',
  'image-invalid',
  'image-pull-failed',
  'start-failed',
  'unschedulable',
  'unstartable'
] as const satisfies readonly ErrorCode[]

/** A pod that ends otherwise than by its program. */
export const POD_LOST = [
  'out-of-memory',
  'evicted',
  'run-lost',
  'run-deadline-exceeded'
] as const satisfies readonly ErrorCode[]

/** What a build can end with, wherever it builds. */
export const BUILDS = [
  'invalid-input',
  'not-configured',
  'not-supported',
  'dockerfile-failed',
  'base-image-not-found',
  'base-image-denied',
  'base-registry-unreachable',
  'builder-image-unavailable',
  'builder-out-of-memory',
  'builder-lost',
  'user-namespace-unavailable',
  'context-delivery-failed',
  'files-refused',
  'start-failed',
  'unschedulable',
  'unstartable'
] as const satisfies readonly ErrorCode[]
