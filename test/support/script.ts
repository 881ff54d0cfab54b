/** What a scripted run does: how each call of each stage behaves, and what the stages decide. */
import type { ErrorCode } from '../../src/errors.ts'
import type { AnyStageName } from '../../src/machines/stages.ts'
import type { Resolution } from '../../src/machines/types.ts'

/** What one call of a port does. The code `internal` stands for an error that is no StepError. */
export type Behaviour =
  | { readonly does: 'succeed'; readonly afterMs: number }
  | { readonly does: 'fail'; readonly afterMs: number; readonly code: ErrorCode }
  | { readonly does: 'hangUntilAborted' }
  | { readonly does: 'succeedDespiteAbort'; readonly afterMs: number }

export interface Script {
  /** Of container-step. */
  readonly resolution: Resolution['kind']
  /** Of the program, where the machine runs one. */
  readonly exitCode: number
  /** Behaviour of the first, second, ... call; calls beyond the list succeed at once. */
  readonly calls: Readonly<Partial<Record<AnyStageName, readonly Behaviour[]>>>
}
