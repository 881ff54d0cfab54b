/**
 * Text that GitHub's runner takes no command from, for all of the log that is not a program's own output.
 *
 * The runner looks at every line of the hook (actions/runner, ActionCommand.cs): `::name props::data` after white space, and
 * `##[name props]data` anywhere. Its lines end where .NET's StreamReader ends them: at LF, CR LF, and a CR alone. It compares
 * as people of a language would, without regard to characters that nobody sees; but then it takes the name from where the
 * prefix would end, so with the gap every name begins with `:` or `[`, and no command's does.
 */

/** U+200B ZERO WIDTH SPACE: its UTF-8, a character for each byte. */
const GAP = Buffer.from('\u200b', 'utf8').toString('latin1')
/** Generously: separators, control, format and unassigned characters, marks, all that nobody sees, and what is no UTF-8. */
const BLANK = /^[\p{Z}\p{C}\p{M}\p{Default_Ignorable_Code_Point}\ufffd]*$/u
/** Generously too: VT, FF, and U+0085, U+2028 and U+2029, where other readers of lines end one. */
const LINE_END = /(?:\r\n|[\n\v\f\r]|\xc2\x85|\xe2\x80[\xa8\xa9])/.source
const LINE = new RegExp(`[^]*?(?:${LINE_END}|$)`, 'g')
const ENDS = new RegExp(`${LINE_END}$`)

/** What has been passed on of a line that has not ended. */
export interface Begun {
  /** Nothing but blanks, or blanks and one colon: a command may still begin. */
  readonly isOpening: boolean
  /** The last bytes, as far as a command, or the end of the line, may begin with them. */
  readonly end: string
}

export const NOTHING: Begun = { isOpening: true, end: '' }

const isBlank = (bytes: string): boolean => BLANK.test(Buffer.from(bytes, 'latin1').toString('utf8'))

/**
 * The same text with a gap in everything that the runner would take for a command; everything else stays as it is. Text is
 * bytes, each as one character (latin1). `begun`: what it continues.
 */
export function inert(text: string, begun: Begun = NOTHING): { readonly text: string; readonly begun: Begun } {
  let shown = ''
  let { isOpening } = begun
  let after = begun
  for (const [line] of `${begun.end}${text}`.matchAll(LINE)) {
    if (line === '') break
    shown += parted(line, isOpening)
    after = ENDS.test(line) ? NOTHING : begunBy(line, isOpening)
    isOpening = true
  }
  return { text: shown.slice(begun.end.length), begun: after }
}

function parted(line: string, isOpening: boolean): string {
  const colon = isOpening ? line.indexOf(':') : -1
  const isOpened = colon >= 0 && line[colon + 1] === ':' && isBlank(line.slice(0, colon))
  const opened = isOpened ? `${line.slice(0, colon + 1)}${GAP}${line.slice(colon + 1)}` : line
  return opened.replaceAll('##[', `##${GAP}[`)
}

function begunBy(line: string, isOpening: boolean): Begun {
  if (isOpening && line.endsWith(':') && isBlank(line.slice(0, -1))) return { isOpening, end: ':' }
  return { isOpening: isOpening && isBlank(line), end: line.slice(-2) }
}
