/** `slipway completion`: a script that teaches bash the commands and options there are, made from their declarations. */
import type { Command, Declaration, Option } from './command.ts'
import { declare } from './command-line.ts'

const FILES = new Set(['FILE', 'TRACE', 'OLD'])

/** What bash offers behind an option or in place of an operand. */
function offered(value: string | undefined, choices: readonly string[] | undefined): string {
  if (choices !== undefined) return `-W '${choices.join(' ')}'`
  if (value === 'DIR') return '-d'
  return value !== undefined && FILES.has(value) ? '-f' : "-W ''"
}

const flagsOf = (options: Readonly<Record<string, Option>>): string =>
  Object.entries(options)
    .flatMap(([name, { hidden }]) => (hidden === true ? [] : `--${name}`))
    .concat('--help')
    .join(' ')

function commandCase({ name, options, operands = [] }: Declaration): string {
  const values = Object.entries(options).flatMap(([option, { type, value, choices }]) =>
    type === 'boolean'
      ? []
      : `      --${option}) COMPREPLY=($(compgen ${offered(value, choices)} -- "$word")); return ;;`
  )
  return [
    `    ${name})`,
    ...(values.length === 0 ? [] : ['      case "$before" in', ...values, '      esac']),
    `      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '${flagsOf(options)}' -- "$word"))`,
    `      else COMPREPLY=($(compgen ${offered(operands[0], undefined)} -- "$word")); fi ;;`
  ].join('\n')
}

/** The script for bash; `source` it. */
const bashCompletion = (declarations: readonly Declaration[]): string => `# bash completion for slipway
_slipway() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W '${declarations.map(({ name }) => name).join(' ')} --help' -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${declarations.map(commandCase).join('\n')}
  esac
}
complete -F _slipway slipway
`

export const completion = (declarations: () => readonly Declaration[]): Command =>
  declare(
    {
      name: 'completion',
      summary: 'a script that completes commands and options in bash',
      about: 'Prints a script for bash. It knows the commands and options of this version.',
      options: {},
      examples: [
        ['source <(slipway completion)', 'in this shell'],
        ['slipway completion > ~/.local/share/bash-completion/completions/slipway', 'in every shell']
      ],
      exitCodes: [
        [0, 'printed'],
        [2, 'the command line is wrong']
      ]
    },
    async (_line, deps) => {
      deps.write(bashCompletion(declarations()))
      return 0
    }
  )
