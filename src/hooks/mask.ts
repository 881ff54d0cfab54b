/** Hides the values of an order that may be secrets in what is kept of it, for traces: the runner masks only its own log. */
import type { HookInput } from './protocol.ts'

/** A shorter value is no secret worth the name, and hiding it would hide half the text. */
const SECRET_LENGTH_MIN = 6
const HIDDEN = '***'

/** Variables that GitHub and the runner set and that hold no secret. */
const HARMLESS = /^(?:(?:GITHUB|RUNNER)_(?!.*(?:TOKEN|SECRET|PASSWORD|KEY))\w+|HOME|PATH|CI|LANG)$/

/** The containers of an order; scripts have the same fields where they matter here. */
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
      return []
    default:
      return [input.args]
  }
}

function secretsOf({ environmentVariables = {}, entryPointArgs = [], createOptions = '', registry }: Part): string[] {
  const variables = Object.entries(environmentVariables).flatMap(([name, value]) => (HARMLESS.test(name) ? [] : value))
  const options = createOptions.split(/\s+/).flatMap((word) => word.split('=').slice(1))
  return [...variables, ...entryPointArgs, ...options, registry?.password ?? '']
}

/** A function that hides every value of the order's environments, arguments, options and credentials, and every line of them. */
export function maskFor(input: HookInput): (text: string) => string {
  let secrets: readonly string[] | undefined
  const find = (): readonly string[] => {
    const values = partsOf(input).flatMap(secretsOf)
    const lines = values.flatMap((value) => [value, ...value.split(/\r?\n/)]).map((line) => line.trim())
    // The longest first: a value may hold another one.
    return [...new Set(lines)].filter(({ length }) => length >= SECRET_LENGTH_MIN).sort((a, b) => b.length - a.length)
  }
  return (text) => {
    secrets ??= find()
    return secrets.reduce((masked, secret) => masked.replaceAll(secret, HIDDEN), text)
  }
}
