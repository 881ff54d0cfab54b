/** What the runner makes of an answer, as its ContainerHookManager does it: the judge of the tests that play the runner. */
import type { Order } from './index.ts'

/** A container or service, as `job.container` and `job.services.<name>` show it to the workflow. */
interface Shown {
  readonly id: string
  readonly network: string
  readonly ports: Readonly<Record<string, string>>
}

export interface Taken {
  /** Why the step fails; undefined when it does not. */
  readonly failure?: string
  /** What later orders carry as `state`. */
  readonly state: Order['state']
  /** Of the job container; undefined when the runner has none, or was not told. */
  readonly isAlpine?: boolean
  readonly services: readonly Shown[]
}

interface Response {
  readonly state?: Order['state']
  readonly isAlpine?: boolean | null
  readonly context?: {
    readonly container?: { readonly id?: string; readonly network?: string } | null
    readonly services?: readonly (Partial<Shown> | null)[] | null
  } | null
}

/**
 * Takes an answer. `text` is what the response file holds; undefined: the hook has removed it. The exit code counts as 0 or not 0, and with
 * another one than 0 the file is not read.
 */
export function takeAnswer(order: Order, exitCode: number, text: string | undefined): Taken {
  const unchanged = { state: order.state, services: [] }
  if (exitCode !== 0) return { ...unchanged, failure: `Process completed with exit code ${exitCode}.` }
  const { container = null, services = [] } = order.args as { container?: object | null; services?: readonly object[] }
  const mustSayAlpine = order.command === 'prepare_job' && container !== null
  let response: Response | null = null
  try {
    // An empty file is no document, and that is no error.
    if (text !== undefined && text !== '') response = JSON.parse(text) as Response | null
  } catch {
    return { ...unchanged, failure: 'the response file is not one JSON document' }
  }
  if (response === null) {
    // For prepare_job it goes on with what is not there.
    const fails = mustSayAlpine ? 'Response file could not be read' : 'Object reference not set'
    return order.command === 'prepare_job' ? { ...unchanged, failure: fails } : unchanged
  }
  const state = response.state ?? order.state
  // After cleanup nothing comes any more.
  if (order.command === 'cleanup_job') return unchanged
  if (order.command !== 'prepare_job') return { ...unchanged, state }
  if (mustSayAlpine && typeof response.isAlpine !== 'boolean') {
    return { ...unchanged, failure: "The property 'isAlpine' is required but was not found in the response file." }
  }
  const isAlpine = mustSayAlpine ? { isAlpine: response.isAlpine as boolean } : {}
  const { context } = response
  if (context === undefined || context === null) return { state, ...isAlpine, services: [] }
  const told = context.services === undefined ? [] : context.services
  const crash = { ...unchanged, failure: 'Object reference not set' }
  if (container === null && (context.container?.id || context.container?.network)) return crash
  if (told === null) return crash
  if (!Array.isArray(told)) return { ...unchanged, failure: 'context.services is no list' }
  if (told.length > services.length) return { ...unchanged, failure: 'Index was out of range' }
  if (told.some((service) => service === null || typeof service.ports !== 'object' || service.ports === null)) {
    return crash
  }
  const shown = told.map(({ id, network, ports = {} }) => ({ id: id ?? '', network: network ?? '', ports }))
  return { state, ...isAlpine, services: shown }
}
