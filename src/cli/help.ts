/** The text of --help, for a command and for the whole program, from their declarations. */
import type { Command, Declaration, Option } from './command.ts'

const SHOWN_WIDTH_MAX = 118

/** `--input NAME=VALUE`, as it is written. */
const written = (name: string, { type, value = 'VALUE' }: Option): string =>
  type === 'boolean' ? `--${name}` : `--${name} ${value}`

const isShown = ([, { hidden }]: readonly [string, Option]): boolean => hidden !== true

/** `slipway run DIR [--input NAME=VALUE]... [-- ARG...]`. */
function usageOf({ name, operands = [], repeats, options, rest }: Declaration): string {
  const flags = Object.entries(options)
    .filter(isShown)
    .map(([option, declared]) => `[${written(option, declared)}]${declared.multiple ? '...' : ''}`)
  const tail = rest === undefined ? [] : [`[-- ${rest.value}]`]
  return wrap(['slipway', name, ...operands, ...(repeats ? ['...'] : []), ...flags, ...tail], SHOWN_WIDTH_MAX, '    ')
}

/** Words on lines of a width; later lines begin with an indent. */
function wrap(words: readonly string[], width: number, indent: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of words) {
    if (line !== '' && `${line} ${word}`.length > width) {
      lines.push(line)
      line = indent + word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}

/** Two columns; the second one is wrapped. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length)) + 3
  const indent = ' '.repeat(width + 2)
  return rows
    .map(([first, second]) =>
      `  ${first.padEnd(width)}${wrap(second.split(' '), SHOWN_WIDTH_MAX - width, indent)}`.trimEnd()
    )
    .join('\n')
}

function optionRow([name, option]: readonly [string, Option]): readonly [string, string] {
  const { help, choices, default: fallback } = option
  const values = choices === undefined ? '' : `: ${choices.join(', ')}`
  return [written(name, option), `${help}${values}${fallback === undefined ? '' : ` (default: ${fallback})`}`]
}

/** The whole text of `slipway COMMAND --help`. */
export function helpOf(declaration: Declaration): string {
  const { about, options, rest, examples, exitCodes } = declaration
  const rows = Object.entries(options).filter(isShown).map(optionRow)
  if (rest !== undefined) rows.push([`-- ${rest.value}`, rest.help])
  return [
    usageOf(declaration),
    about.trim(),
    ...(rows.length === 0 ? [] : [columns(rows)]),
    `Examples:\n${examples.map(([line, note]) => `  ${line}${note === undefined ? '' : `    ${note}`}`).join('\n')}`,
    `Exit codes:\n${columns(exitCodes.map(([code, meaning]) => [String(code), meaning]))}`
  ]
    .join('\n\n')
    .concat('\n')
}

/** The whole text of `slipway --help`. */
export const programHelp = (
  commands: readonly Command[]
): string => `slipway: container actions with a Dockerfile, built and run through one state machine

${columns(commands.map(({ declaration, summary }) => [`slipway ${declaration.name}`, summary]))}

slipway COMMAND --help tells more, with examples and exit codes. What is common to them: 0 is success, 2 a command line
that is wrong, 130 a command that was cancelled.
`
