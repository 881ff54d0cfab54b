/** A few of many by a seed: the same ones for the same seed. */

export function sample<T>(items: readonly T[], count: number, seed: number): readonly T[] {
  const left = [...items]
  let state = seed
  return Array.from({ length: Math.min(count, items.length) }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return left.splice(state % left.length, 1)[0] as T
  })
}
