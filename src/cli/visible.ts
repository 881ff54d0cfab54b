/** Makes the characters visible that a terminal would obey, or show as nothing, for everything that the command line prints. */

/** Control and format characters, separators of lines, halves of characters, and what is not to be seen. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** As JSON writes a character that is no text: `\u001b`. */
const escaped = (character: string): string =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')

/** The text with `\u001b` and the like in place of them; in JSON it means the same. Newlines and tabs stay. */
export const visible = (text: string): string =>
  text.replace(INVISIBLE, (character, at: number) => {
    const isText = character === '\n' || character === '\t' || (character === '\r' && text[at + 1] === '\n')
    return isText ? character : escaped(character)
  })

/** The same for what has to stay one line: newlines and tabs are made visible too. */
export const visibleLine = (text: string): string => text.replace(INVISIBLE, escaped)
