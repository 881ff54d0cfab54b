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

/** Asks now, for the first who looks it up. The answer is kept; after a failure the next who looks it up asks again. */
export function askedEarly<T>(ask: LookUp<T>): LookUp<T> {
  const closing = new AbortController()
  let answer: Promise<T> | undefined = ask(closing.signal)
  // Whoever asks is told.
  answer.catch(() => {})
  return async (signal) => {
    signal.throwIfAborted()
    const close = () => closing.abort(signal.reason)
    signal.addEventListener('abort', close, { once: true })
    try {
      answer ??= ask(signal)
      return await answer
    } catch (error) {
      answer = undefined
      throw error
    } finally {
      signal.removeEventListener('abort', close)
    }
  }
}
