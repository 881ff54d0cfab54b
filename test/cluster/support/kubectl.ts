/** kubectl, for the cluster suite: the tests see the cluster through it and never through Slipway's own client. */
import { type Finished, mustRun, type ProcessOptions } from './process.ts'

const REQUEST_TIMEOUT = '--request-timeout=60s'

export const kubectl = (args: readonly string[], options?: ProcessOptions): Promise<Finished> =>
  mustRun('kubectl', args, options)

/** The objects of a list, or the object itself in a list of one. */
export async function get<T = Record<string, unknown>>(args: readonly string[]): Promise<T[]> {
  const { stdout } = await kubectl(['get', REQUEST_TIMEOUT, '-o', 'json', ...args])
  const answer = JSON.parse(stdout)
  return answer.kind === 'List' || answer.items !== undefined ? answer.items : [answer]
}

export async function apply(...objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  await kubectl(['apply', REQUEST_TIMEOUT, '-f', '-'], { input: JSON.stringify(list) })
}

/** Waits with short looks until `done` holds; rejects after `timeoutMs` naming `what`. */
export async function eventually(what: string, timeoutMs: number, done: () => Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await done())) {
    if (performance.now() - startedAt > timeoutMs)
      throw new Error(`${what} did not happen within ${timeoutMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
