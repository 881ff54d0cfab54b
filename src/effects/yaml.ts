/** Reads YAML that somebody else wrote, within bounds, for pod templates and the metadata of actions. */
import { Lexer, LineCounter, Parser, parseDocument } from 'yaml'

/** The parser's time grows faster than the text; people write a few kilobytes. */
export const YAML_LENGTH_MAX = 64 * 1024
/** The parser calls itself for each level, and one that is too deep takes the whole process with it. */
const LEVELS_MAX = 100

/** The document as JSON would have it. Throws an Error, the end of a sentence about it, for a text that is none, or too much. */
export function parseYaml(text: string): unknown {
  if (text.length > YAML_LENGTH_MAX) throw new Error(`is larger than ${YAML_LENGTH_MAX} characters`)
  checkLevels(text)
  const lineCounter = new LineCounter()
  // The parser's own warnings would go to standard error, past everybody; its prettier errors take long for each.
  const document = parseDocument(text, { logLevel: 'error', prettyErrors: false, lineCounter })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    throw new Error(`is not YAML: ${error.message.replace(/\s+/g, ' ')} at line ${line}, column ${col}`)
  }
  try {
    return JSON.parse(JSON.stringify(document.toJS() ?? null))
  } catch (cause) {
    // JSON has no cycles; everything else is what the parser says of aliases.
    const isCyclic = cause instanceof TypeError
    throw new Error(isCyclic ? 'has a part that is within itself' : `is not YAML: ${(cause as Error).message}`, {
      cause
    })
  }
}

function checkLevels(text: string): void {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme))
      if (token.type === 'error') throw new Error(`is not YAML: ${token.message}`)
    if (parser.stack.length > LEVELS_MAX) throw new Error(`has more than ${LEVELS_MAX} levels`)
  }
}
