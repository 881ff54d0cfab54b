/**
 * Whether the node of a pod answers while something runs there, for what follows a program: one line when it stops to, and one when
 * it does again. An API server answers without it, and connections through that are only silent.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../../../machines/ports.ts'
import type { Reporter } from '../../log/reporter.ts'
import { within } from '../../within.ts'
import type { ContainerAddress } from '../api/container.ts'
import { apiPath } from '../api/path.ts'
import { ApiStatusError, openRequest, readBody, requestJson } from '../api/request.ts'

/** Between two questions, so that an outage of twenty seconds is told. */
const ASK_MS = 8_000
/** While a node is away: what comes back is told soon. */
const ASK_AGAIN_MS = 2_000
/** A kubelet that is busy takes a second or two. */
const ANSWER_MS_MAX = 8_000
const ANSWER_BYTES_MAX = 16
const SERVER_ERRORS_FROM = 500

/** Asks until the signal is aborted; never rejects. It remembers what it has said: one outage is told once over several calls. */
export type NodeWatch = (signal: AbortSignal) => Promise<void>

export function createNodeWatch(
  { clock, reporter }: { readonly clock: Clock; readonly reporter: Reporter },
  source: ContainerAddress
): NodeWatch {
  let away: { readonly node: string; readonly sinceMs: number } | undefined
  const ask = async (signal: AbortSignal) => {
    const askedAtMs = clock.now()
    const hasAnswered = await within(clock, ANSWER_MS_MAX, (timed) => doesAnswer(source, timed), signal)
    signal.throwIfAborted()
    if (hasAnswered && away !== undefined) {
      const seconds = Math.round((clock.now() - away.sinceMs) / 1_000)
      away = undefined
      reporter.aside(`The node of pod ${source.pod} answers again, after ${seconds} s`)
    } else if (!hasAnswered && away === undefined) {
      // When the API server does not answer either, nothing is known of the node, and its own calls say so.
      const node = await within(clock, ANSWER_MS_MAX, (timed) => nodeOf(source, timed), signal)
      signal.throwIfAborted()
      if (node === undefined) return
      away = { node, sinceMs: askedAtMs }
      reporter.aside(`Node ${node} does not answer: what runs there in pod ${source.pod} may go on, and is waited for`)
    }
  }
  return async (signal) => {
    try {
      // Bounded by the signal: what is watched has an end.
      for (;;) {
        await clock.sleep(away === undefined ? ASK_MS : ASK_AGAIN_MS, signal)
        await ask(signal)
      }
    } catch {
      // Aborted: nothing is watched any more.
    }
  }
}

/** Whether the kubelet answers for a container: only it has the logs. A refusal is an answer, too. */
async function doesAnswer(
  { access, namespace, pod, container }: ContainerAddress,
  signal: AbortSignal
): Promise<boolean> {
  const path = apiPath({ namespace, resource: 'pods', name: pod, part: 'log' })
  const query = { container, tailLines: '1', limitBytes: '1' }
  try {
    await readBody(await openRequest(access, { method: 'GET', path, query }, signal), ANSWER_BYTES_MAX)
    return true
  } catch (error) {
    return error instanceof ApiStatusError && error.status < SERVER_ERRORS_FROM
  }
}

/** The node that a pod is on, where the API server answers. */
async function nodeOf({ access, namespace, pod }: ContainerAddress, signal: AbortSignal): Promise<string | undefined> {
  const path = apiPath({ namespace, resource: 'pods', name: pod })
  const found = await requestJson<V1Pod>(access, { method: 'GET', path }, signal).catch(() => undefined)
  return found?.spec?.nodeName
}
