/** Words as a POSIX shell reads them and as it is given them, for whoever takes a command line apart or writes one. */

/** In this order: blanks, a line that goes on, the two kinds of quotes, an escaped character, plain text. */
const PARTS = /([ \t\n]+)|\\(\n)|'([^']*)'|"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|\\([\s\S]?)|([^ \t\n'"\\]+)/gy

/** The words of a line; nothing is expanded, and no character ends a command. Undefined when a quote is not closed. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = []
  let word: string | undefined
  let end = 0
  for (const [part, blanks, goesOn, single, double, escaped, plain] of line.matchAll(PARTS)) {
    end += part.length
    if (goesOn !== undefined) continue
    if (blanks === undefined) {
      const text = single ?? plain ?? (double === undefined ? escaped || '\\' : unescaped(double))
      word = (word ?? '') + text
    } else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  if (end < line.length) return undefined
  return word === undefined ? words : [...words, word]
}

/** Between double quotes a backslash before anything else stands for itself. */
const unescaped = (text: string): string =>
  text.replace(/\\(["\\$`\n])/g, (_, character: string) => (character === '\n' ? '' : character))

/** A word that is exactly this text. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
