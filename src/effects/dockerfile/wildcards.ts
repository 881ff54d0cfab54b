/** What of a build context a wildcard in COPY or ADD means, by the rules of Go's filepath.Match, for the judge. */

/** Of one character of a name; `*`: any number of any. */
type Token = '*' | ((character: string) => boolean)

export const isPattern = (source: string): boolean => /[*?[\\]/.test(source)

/** The paths that match, in the order in which docker copies them; undefined for a pattern that is not read here, such as one with a backslash. */
export function matching(pattern: string, paths: Iterable<string>): readonly string[] | undefined {
  const parts: (readonly Token[])[] = []
  for (const part of pattern.split('/')) {
    const tokens = tokensOf(part)
    if (tokens === undefined) return undefined
    parts.push(tokens)
  }
  const matches = (path: string): boolean => {
    const names = path.split('/')
    return names.length === parts.length && names.every((name, at) => isMatch(parts[at] ?? [], Array.from(name)))
  }
  return [...paths].filter(matches).sort(asWalked)
}

/** Names in their order, and what is in a directory right after it. */
const asWalked = (one: string, other: string): number =>
  one.replaceAll('/', '\0') < other.replaceAll('/', '\0') ? -1 : 1

function tokensOf(part: string): readonly Token[] | undefined {
  const tokens: Token[] = []
  const characters = Array.from(part)
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] as string
    if (character === '\\') return undefined
    if (character === '[') {
      const end = characters.indexOf(']', at)
      const one = end < 0 ? undefined : classOf(characters.slice(at + 1, end))
      if (one === undefined) return undefined
      tokens.push(one)
      at = end
    } else if (character === '*') tokens.push('*')
    else tokens.push(character === '?' ? () => true : (other) => other === character)
  }
  return tokens
}

/** `a-c` and single ones; a minus that stands elsewhere is no pattern. */
function classOf(written: readonly string[]): Token | undefined {
  const isNegated = written[0] === '^'
  const ranges = /^(?:(?:[^-\\]-[^-\\])|[^-\\])+$/u.test(written.slice(isNegated ? 1 : 0).join(''))
    ? [
        ...written
          .slice(isNegated ? 1 : 0)
          .join('')
          .matchAll(/(.)(?:-(.))?/gsu)
      ]
    : []
  if (ranges.length === 0) return undefined
  return (character) => ranges.some(([, low = '', high = low]) => low <= character && character <= high) !== isNegated
}

/** Goes back to the last star only, so no pattern takes long. */
function isMatch(tokens: readonly Token[], name: readonly string[]): boolean {
  let [at, token] = [0, 0]
  let star: readonly [token: number, at: number] | undefined
  while (at < name.length) {
    const wanted = tokens[token]
    if (wanted === '*') {
      star = [token, at]
      token += 1
    } else if (wanted?.(name[at] as string)) {
      at += 1
      token += 1
    } else if (star === undefined) return false
    else {
      star = [star[0], star[1] + 1]
      token = star[0] + 1
      at = star[1]
    }
  }
  return tokens.slice(token).every((left) => left === '*')
}
