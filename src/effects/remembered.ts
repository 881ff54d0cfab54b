/** Keeps the answer to a question that would be answered the same again, only later, for ports that remember nothing else. */

export type LookUp<T> = (signal: AbortSignal) => Promise<T>

/** Keeps the first answer; a failure is no answer. */
export function remembered<T>(ask: LookUp<T>): LookUp<T> {
  let answer: { readonly value: T } | undefined
  return async (signal) => {
    answer ??= { value: await ask(signal) }
    return answer.value
  }
}
