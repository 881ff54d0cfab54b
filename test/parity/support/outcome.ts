/** What came of building a case, with one builder and with the reference, and the verdict on both. */
import { differences, type Outline } from '../image/outline.ts'

export type Outcome =
  | { readonly kind: 'built'; readonly image: Outline }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }

/** What the reference says of a case; its own words for a refusal are not compared. */
export type Reference = Outline | 'refused'

export type Verdict = 'same' | 'refused by both' | 'refused' | 'different'

export interface Judged {
  readonly verdict: Verdict
  /** What is not as it should be, a line each. */
  readonly why: readonly string[]
}

/** A refusal before anything is built names the line, the construct in quotes, and behind a semicolon what to do. */
const REFUSAL = /\bline \d+\b.*'.+'.*; .+/s

export function judge(outcome: Outcome, reference: Reference): Judged {
  if (outcome.kind === 'refused') {
    const said = `${outcome.code}: ${outcome.message}`
    if (reference === 'refused') return { verdict: 'refused by both', why: [] }
    const isClear = outcome.code === 'not-supported' && REFUSAL.test(outcome.message)
    return { verdict: isClear ? 'refused' : 'different', why: [said] }
  }
  if (reference === 'refused') return { verdict: 'different', why: ['built, should be refused'] }
  const why = differences(outcome.image, reference)
  return { verdict: why.length === 0 ? 'same' : 'different', why }
}
