/** What the page carries besides its drawings, written when it is made and read by its script. */
import type { Coverage } from './coverage.ts'
import type { MachineDifference } from './difference.ts'
import type { MachineSet } from './graph-format.ts'

export interface PageData {
  readonly set: MachineSet
  readonly coverage?: Coverage
  /** Against another version, when the page was made to compare. */
  readonly difference?: readonly MachineDifference[]
  /** What the paths of source files are below: a relative path or a URL; without it they are no links. */
  readonly sourceBase?: string
}

export const DATA_ID = 'data'
