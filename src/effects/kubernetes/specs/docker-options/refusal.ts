/** What docker would refuse too, as the one line that says which option to correct, for the readers of the options. */
import { StepError } from '../../../../errors.ts'

/** Of somebody else's words in a message. */
const SHOWN_LENGTH_MAX = 100

/** A part of the options as a message repeats it: on one line, and not all of it. */
export function cut(text: string): string {
  const line = text.slice(0, SHOWN_LENGTH_MAX).replace(/\s+/g, ' ')
  return text.length > SHOWN_LENGTH_MAX ? `${line}…` : line
}

/** `what` begins with the option. */
export const refusal = (what: string) => new StepError('invalid-input', `${what}; correct it in the workflow`)

export const wrongValue = (option: string, wanted: string, value: string) =>
  refusal(`${option} must be ${wanted}, but is '${cut(value)}'`)
