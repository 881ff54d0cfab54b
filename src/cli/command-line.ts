/** Parses a command line as its command's declaration says, for the files that hold one command each. */
import { parseArgs } from 'node:util'
import {
  type CliDependencies,
  type Command,
  type Declaration,
  type Option,
  type Options,
  UsageError
} from './command.ts'
import { helpOf } from './help.ts'

/** The value of an option: what was given, else its default. */
type Value<Given extends Option> = Given['type'] extends 'boolean'
  ? boolean
  : Given extends { multiple: true }
    ? readonly string[]
    : Given extends { default: string }
      ? string
      : Given extends { choices: readonly (infer Choice)[] }
        ? Choice | undefined
        : string | undefined

export interface CommandLine<Declared extends Options> {
  readonly values: { readonly [Name in keyof Declared]: Value<Declared[Name]> }
  /** As many as `operands` declares, or more of the last one where it repeats. */
  readonly operands: readonly string[]
  /** What stands behind `--`; undefined without it. */
  readonly rest: readonly string[] | undefined
}

/** A command of the declaration: `run` gets a command line that is as it declares. */
export function declare<const Declared extends Options>(
  declaration: Declaration<Declared>,
  run: (line: CommandLine<Declared>, deps: CliDependencies) => Promise<number>
): Command {
  return {
    declaration,
    summary: declaration.summary,
    help: helpOf(declaration),
    run: (args, deps) => run(parse(declaration, args), deps)
  }
}

/** Throws a UsageError for everything that the declaration does not have. */
function parse<Declared extends Options>(
  declaration: Declaration<Declared>,
  args: readonly string[]
): CommandLine<Declared> {
  const { name, options, operands = [], repeats } = declaration
  const dashes = declaration.rest === undefined ? -1 : args.indexOf('--')
  const own = dashes === -1 ? args : args.slice(0, dashes)
  const { values, positionals } = parseStrictly(name, options, own)
  const isTooMany = positionals.length > operands.length && repeats !== true
  if (isTooMany || positionals.length < operands.length) throw wrongCount(name, operands, positionals)
  for (const [option, { choices }] of Object.entries(options)) {
    const given = values[option]
    if (choices !== undefined && given !== undefined && !choices.includes(String(given))) {
      throw new UsageError(`${name}: --${option} is one of ${choices.join(', ')}, and not '${given}'`)
    }
  }
  return {
    values: values as CommandLine<Declared>['values'],
    operands: positionals,
    rest: dashes === -1 ? undefined : args.slice(dashes + 1)
  }
}

function wrongCount(name: string, operands: readonly string[], given: readonly string[]): UsageError {
  const [extra] = given.slice(operands.length)
  if (extra !== undefined) return new UsageError(`${name}: '${extra}' is one too many; ${see(name)}`)
  return new UsageError(`${name}: ${operands.slice(given.length).join(' and ')} is missing; ${see(name)}`)
}

const see = (name: string) => `slipway ${name} --help tells what it takes`

function parseStrictly(
  name: string,
  options: Options,
  args: readonly string[]
): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  const described = Object.entries(options).map(([option, { type, multiple, default: fallback }]) => {
    const byDefault = multiple ? [] : type === 'boolean' ? false : fallback
    return [option, { type, multiple: multiple ?? false, ...(byDefault !== undefined && { default: byDefault }) }]
  })
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(described), allowPositionals: true })
  } catch (thrown) {
    throw explained(name, thrown)
  }
}

/** Node's own messages go on about positional arguments. */
function explained(name: string, thrown: unknown): unknown {
  const { code, message } = thrown as { readonly code?: string; readonly message: string }
  const [, option = ''] = /'(-[^'\s]*)/.exec(message) ?? []
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    return new UsageError(`${name}: there is no option ${option}; ${see(name)}`)
  }
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    const what = /does not take/.test(message) ? 'takes no value' : 'needs a value'
    return new UsageError(`${name}: ${option} ${what}; ${see(name)}`)
  }
  return thrown
}
