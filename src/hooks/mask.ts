/** Hides the values of an order that may be secrets in what is kept of it, for traces: the runner masks only its own log. */
import { createRedaction, type Redaction } from '../effects/log/redaction.ts'
import type { HookInput } from './requests/protocol.ts'

/** Most values are no secrets; hiding a shorter one would hide half the text. */
const VALUE_LENGTH_MIN = 6

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
export function maskFor(input: HookInput): Redaction['redact'] {
  let order: Redaction | undefined
  return (text) => {
    if (order === undefined) {
      order = createRedaction(VALUE_LENGTH_MIN)
      for (const value of partsOf(input).flatMap(secretsOf)) order.hide(value)
    }
    return order.redact(text)
  }
}
