/** How much may come back from a container, and what is said of more, for unpacking. */
import { StepError } from '../../errors.ts'

/** Of the list of what is gone. */
export const GONE_BYTES_MAX = 256 * 1024 * 1024
/** Members of one archive. */
export const MEMBERS_MAX = 1_000_000
/** What one archive may hold, holes of files not counted, unless somebody says otherwise: 10 GiB. */
export const BYTES_MAX = 10 * 1024 ** 3

const inGiB = (bytes: number): string => `${Math.round(bytes / 1024 ** 3)} GiB`

/** More bytes than may come back. */
export const tooLarge = (bytesMax: number): StepError => tooMuch(`more than ${inGiB(bytesMax)}`)

export const tooMuch = (what: string): StepError => refused(`${what}; remove what later steps do not need`)

/** Files that are refused as a whole. */
export const refused = (what: string): StepError =>
  new StepError('files-refused', `the files that come back are refused: ${what}`)
