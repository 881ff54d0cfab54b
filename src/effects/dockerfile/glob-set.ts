/**
 * Many patterns as one automaton, for .dockerignore: it reads a path once, whatever the patterns are, and never goes back.
 *
 * A pattern is a row of places with a token between each two; a place is a bit, and one pass over the bits moves them all
 * (Shift-And, of Baeza-Yates and Gonnet). So a path costs one pass for each of its characters.
 */

/** One part of a pattern. */
export type Token =
  /** One character in one of the ranges of codes or, negated, in none; they are sorted and do not overlap. */
  | { readonly kind: 'one'; readonly ranges: readonly Range[]; readonly isNegated: boolean }
  /** `name`: anything within a name. `directories`: nothing, or anything up to a slash. `all`: anything. */
  | { readonly kind: 'name' | 'directories' | 'all' }

export type Range = readonly [from: number, to: number]

/** How far a path was read. */
export interface Position {
  /** The bits of the places that were reached. */
  readonly places: Int32Array
  /** Index of the last pattern that matches the path read so far or one of its parents; -1: none does. */
  readonly last: number
}

export interface GlobSet {
  /** Before any name. */
  readonly start: Position
  /** Index of the last pattern that matches what a name leads to from there, or a directory on the way; -1: none does. */
  lastMatch(from: Position, name: string): number
  /** Inside of a directory of that name. */
  enter(from: Position, name: string): Position
}

type Words = Int32Array
/** Where a token begins that is no single character. */
type Layout = Readonly<Record<'first' | 'name' | 'directories' | 'all' | 'end', Words>>

const SLASH = 0x2f
const WORD_BITS = 32
/** How many characters' bits are kept; more than the paths of most contexts have. */
const KEPT_CHARACTERS_MAX = 512

/** A `directories` or `name` must not follow on a `name`, nor a `directories` on another: the pass takes each in turn. */
export function createGlobSet(patterns: readonly (readonly Token[])[]): GlobSet {
  const count = patterns.reduce((sum, tokens) => sum + tokens.length + 1, 0)
  const words = (): Words => new Int32Array(Math.ceil(count / WORD_BITS))
  const layout: Layout = { first: words(), name: words(), directories: words(), all: words(), end: words() }
  const patternOf = new Int32Array(count)
  const singles: Single[] = []
  let place = 0
  for (const [index, tokens] of patterns.entries()) {
    flip(layout.first, place)
    for (const token of tokens) {
      if (token.kind === 'one') singles.push({ ...token, place: place + 1 })
      else flip(layout[token.kind], place)
      place += 1
    }
    flip(layout.end, place)
    patternOf[place] = index
    place += 1
  }
  const reached = createReached(singles, words())
  const lastEnd = (places: Words): number => {
    for (let word = places.length - 1; word >= 0; word -= 1) {
      const ended = (places[word] as number) & (layout.end[word] as number)
      if (ended !== 0) return patternOf[word * WORD_BITS + WORD_BITS - 1 - Math.clz32(ended)] as number
    }
    return -1
  }
  /** Used by one call at a time. */
  const scratch = words()
  const readName = (from: Position, name: string): number => {
    scratch.set(from.places)
    for (const character of name) {
      const code = character.codePointAt(0) as number
      pass(layout, scratch, reached(code), code === SLASH)
    }
    return Math.max(from.last, lastEnd(scratch))
  }
  // Each pattern begins behind the end of the one before it.
  const start = layout.end.slice()
  pass(layout, start, layout.first, false)
  return {
    start: { places: start, last: -1 },
    lastMatch: readName,
    enter(from, name) {
      const last = readName(from, name)
      pass(layout, scratch, reached(SLASH), true)
      return { places: scratch.slice(), last }
    }
  }
}

const flip = (words: Words, place: number): void => {
  const word = (place / WORD_BITS) | 0
  words[word] = (words[word] as number) ^ (1 << (place % WORD_BITS))
}

/** Moves all places by one character, which may lead to those in `reached`. The lowest bit of a word comes from the word before. */
function pass({ name, directories, all }: Layout, places: Words, reached: Words, isSlash: boolean): void {
  let [fromBefore, fromSlash, fromSkipped, fromLoop] = [1, 0, 0, 0]
  for (let word = 0; word < places.length; word += 1) {
    const here = places[word] as number
    let entered = ((here << 1) | fromBefore) & (reached[word] as number)
    fromBefore = here >>> 31
    const inDirectories = directories[word] as number
    const inName = name[word] as number
    const inAll = all[word] as number
    const staying = here & (inDirectories | inAll | (isSlash ? 0 : inName))
    // A slash may be the last of several directories.
    const ending = isSlash ? here & inDirectories : 0
    entered |= (ending << 1) | fromSlash
    fromSlash = ending >>> 31
    // What has just been entered may also stand for nothing.
    const skipped = entered & inDirectories
    entered |= (skipped << 1) | fromSkipped
    fromSkipped = skipped >>> 31
    const looping = (entered | staying) & (inName | inAll)
    entered |= (looping << 1) | fromLoop
    fromLoop = looping >>> 31
    places[word] = entered | staying
  }
}

type Single = Extract<Token, { kind: 'one' }> & {
  /** Behind it. */
  readonly place: number
}

/** The places behind single characters, by the code of the one that is read. */
function createReached(singles: readonly Single[], negated: Words): (code: number) => Words {
  const ofCode = new Map<number, number[]>()
  const wide: (readonly [from: number, to: number, place: number])[] = []
  for (const { place, ranges, isNegated } of singles) {
    if (isNegated) flip(negated, place)
    for (const [from, to] of ranges) {
      if (from < to) wide.push([from, to, place])
      else if (ofCode.get(from)?.push(place) === undefined) ofCode.set(from, [place])
    }
  }
  // In columns, because every new character goes through all of them.
  const column = (index: 0 | 1 | 2) => Int32Array.from(wide, (one) => one[index])
  const [froms, tos, places] = [column(0), column(1), column(2)]
  const kept = new Map<number, Words>()
  return (code) => {
    const known = kept.get(code)
    if (known !== undefined) return known
    const reached = negated.slice()
    for (const place of ofCode.get(code) ?? []) flip(reached, place)
    for (let index = 0; index < places.length; index += 1) {
      if ((froms[index] as number) <= code && code <= (tos[index] as number)) flip(reached, places[index] as number)
    }
    if (kept.size >= KEPT_CHARACTERS_MAX) kept.clear()
    kept.set(code, reached)
    return reached
  }
}
