/**
 * Words and variables of a Dockerfile's line, for heredocs and for values that decide what a builder can do: BuildKit's lexer
 * (frontend/dockerfile/shell/lex.go) without the modifiers that need patterns.
 */

/** A value that is not in the Dockerfile, or a modifier that is not read here. */
export class Unknown extends Error {}

interface LexerOptions {
  readonly escapeToken: string
  /** Quotes stay in the result. */
  readonly rawQuotes?: boolean
  readonly rawEscapes?: boolean
  /** The value of a variable; undefined: unset. May throw `Unknown`. Without it every variable stays as it is written. */
  readonly lookUp?: (name: string) => string | undefined
}

const END = ''
/** Of `${a:-${b:-...}}`; nobody writes three. */
const NESTING_MAX = 50
const SPECIAL_NAMES = '@*#?-$!0'
const WORD_END = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/
/** White space as Go's unicode.IsSpace has it, which is not JavaScript's. */
export const isSpace = (character: string): boolean => WORD_END.test(character)

/** The text with its variables and without its quotes. Throws `Unknown`. */
export const expandWord = (text: string, options: LexerOptions): string => new Lexer(text, options).all().result

/** The same, split at white space; empty where BuildKit cannot read it either. */
export function splitWords(text: string, options: LexerOptions): readonly string[] {
  try {
    return new Lexer(text, options).all().words
  } catch (error) {
    if (error instanceof Unknown) return []
    throw error
  }
}

class Lexer {
  private readonly characters: readonly string[]
  private readonly options: LexerOptions
  private position = 0
  private nesting = 0
  /** One for all levels, as in BuildKit: what stands before a nested text in a word is lost there, too. */
  private buffer = ''

  constructor(text: string, options: LexerOptions) {
    this.characters = Array.from(text)
    this.options = options
  }

  all() {
    return this.until(END, this.options.rawEscapes === true)
  }

  private peek(): string {
    return this.characters[this.position] ?? END
  }

  private next(): string {
    const character = this.peek()
    this.position += 1
    return character
  }

  private until(stop: string, rawEscapes: boolean): { readonly result: string; readonly words: readonly string[] } {
    if (this.nesting > NESTING_MAX) throw new Unknown('nested too deeply')
    this.nesting += 1
    let result = ''
    this.buffer = ''
    const words: string[] = []
    const flush = () => {
      if (this.buffer !== '') words.push(this.buffer)
      this.buffer = ''
    }
    const add = (character: string) => {
      if (isSpace(character)) flush()
      else this.buffer += character
    }
    for (;;) {
      const character = this.peek()
      if (character === stop) {
        this.next()
        break
      }
      if (character === END) throw new Unknown('no end')
      const part = this.special(character, rawEscapes)
      if (part !== undefined) {
        result += part
        if (character === '$') for (const one of part) add(one)
        else this.buffer += part
        continue
      }
      this.next()
      if (character !== this.options.escapeToken) {
        add(character)
        result += character
        continue
      }
      const escaped = `${rawEscapes ? character : ''}${this.next()}`
      this.buffer += escaped
      result += escaped
    }
    flush()
    this.nesting -= 1
    return { result, words }
  }

  private special(character: string, rawEscapes: boolean): string | undefined {
    if (character === '$') return this.dollar()
    if (character === "'") return this.singleQuoted()
    if (character === '"') return this.doubleQuoted(rawEscapes)
    if (character === '<') return this.heredoc()
    return undefined
  }

  private quote(): string {
    const character = this.next()
    return this.options.rawQuotes ? character : ''
  }

  private singleQuoted(): string {
    let result = this.quote()
    while (this.peek() !== "'") {
      if (this.peek() === END) throw new Unknown('no closing quote')
      result += this.next()
    }
    return result + this.quote()
  }

  private doubleQuoted(rawEscapes: boolean): string {
    let result = this.quote()
    while (this.peek() !== '"') {
      if (this.peek() === END) throw new Unknown('no closing quote')
      if (this.peek() === '$') {
        result += this.dollar()
        continue
      }
      const character = this.next()
      if (character !== this.options.escapeToken) {
        result += character
        continue
      }
      if (rawEscapes) result += character
      if (this.peek() === END) continue
      result += ['"', '$', this.options.escapeToken].includes(this.peek()) ? this.next() : character
    }
    return result + this.quote()
  }

  /** White space may stand between `<<` and the name. */
  private heredoc(): string {
    let result = this.next()
    if (this.peek() !== '<') return result
    result += this.next()
    while (this.peek() === ' ' || this.peek() === '\t' || this.peek() === '\r') result += this.next()
    return result
  }

  private dollar(): string {
    this.next()
    const { lookUp } = this.options
    if (this.peek() !== '{') {
      const name = this.name()
      if (name === '' || lookUp === undefined) return `$${name}`
      return lookUp(name) ?? ''
    }
    this.next()
    if (['', '{', '}', ':'].includes(this.peek())) throw new Unknown('bad substitution')
    const name = this.name()
    let modifier = this.next()
    if (modifier === '}') return lookUp === undefined ? `\${${name}}` : (lookUp(name) ?? '')
    const orEmpty = modifier === ':'
    if (orEmpty) modifier += this.next()
    if (!/^:?[-+?]$|^[#%]$/.test(modifier)) throw new Unknown('modifier')
    const { result: word } = this.until('}', /[#%]/.test(modifier))
    if (lookUp === undefined) return `\${${name}${modifier}${word}}`
    const value = lookUp(name)
    const isSet = value !== undefined && !(orEmpty && value === '')
    if (modifier.endsWith('-')) return isSet ? value : word
    if (modifier.endsWith('+')) return isSet ? word : ''
    throw new Unknown('modifier')
  }

  private name(): string {
    if (/\p{Nd}/u.test(this.peek())) return this.run(/\p{Nd}/u)
    if (this.peek() !== END && SPECIAL_NAMES.includes(this.peek())) return this.next()
    return this.run(/[\p{L}\p{Nd}_]/u)
  }

  private run(pattern: RegExp): string {
    let result = ''
    while (pattern.test(this.peek())) result += this.next()
    return result
  }
}
