/** Hides the values of a command that may be secrets in what is kept of it, for traces: the runner masks only its own log. */
import { createRedaction, type Redaction } from '../effects/log/redaction.ts'
import { splitWords } from '../effects/shell-words.ts'
import type { HookInput } from './requests/protocol.ts'

/** Most values are no secrets; hiding a shorter one would hide half the text. */
const VALUE_LENGTH_MIN = 6

/** Variables that GitHub and the runner set and that hold no secret. */
const HARMLESS = /^(?:(?:GITHUB|RUNNER)_(?!.*(?:TOKEN|SECRET|PASSWORD|KEY))\w+|HOME|PATH|CI|LANG)$/

/** The containers of a command; scripts have the same fields where they matter here. */
interface Part {
  readonly environmentVariables?: Readonly<Record<string, string>>
  readonly entryPointArgs?: readonly string[]
  readonly createOptions?: string | undefined
  readonly registry?: { readonly password?: string | undefined } | undefined
}

function partsOf(input: HookInput): readonly Part[] {
  switch (input.command) {
    case 'prepare_job':
      return [...(input.args.container ? [input.args.container] : []), ...input.args.services]
    case 'cleanup_job':
    case 'build_ahead':
      return []
    default:
      return [input.args]
  }
}

function secretsOf({ environmentVariables = {}, entryPointArgs = [], createOptions = '', registry }: Part): string[] {
  const variables = Object.entries(environmentVariables).flatMap(([name, value]) => (HARMLESS.test(name) ? [] : value))
  return [...variables, ...entryPointArgs, ...valuesOf(createOptions), registry?.password ?? '']
}

/** What stands behind each `=` of options: `--env=A=b` has `A=b` and `b`. */
const valuesOf = (createOptions: string): string[] =>
  (splitWords(createOptions) ?? createOptions.split(' ')).flatMap((word) => {
    const parts = word.split('=')
    return parts.slice(1).map((_, at) => parts.slice(at + 1).join('='))
  })

/** A function that hides every value of the command's environments, arguments, options and credentials, and every line of them. */
export function maskFor(input: HookInput): Redaction['redact'] {
  let redaction: Redaction | undefined
  return (text) => {
    if (redaction === undefined) {
      redaction = createRedaction(VALUE_LENGTH_MIN)
      for (const value of partsOf(input).flatMap(secretsOf)) redaction.hide(value)
    }
    return redaction.redact(text)
  }
}
