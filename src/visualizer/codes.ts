/** Which error codes a stage may fail with, and which of them another attempt may mend, for the page. */
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { COMMON_CODES } from '../machines/table.ts'
import type { GraphState } from './graph-format.ts'

/** False for codes of other versions, too. */
export const isRetryable = (code: string): boolean =>
  Object.hasOwn(ERROR_CODES, code) && ERROR_CODES[code as ErrorCode].retryable

/** Its own codes, and then those that every stage may fail with. */
export const codesOf = ({ codes = [] }: GraphState): readonly string[] => [...new Set([...codes, ...COMMON_CODES])]
