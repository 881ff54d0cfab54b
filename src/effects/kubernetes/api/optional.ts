/** One look at what only some Roles allow to read, for what is better known and can be done without: it never fails. */
import { timeoutSignal } from '../../system.ts'
import { apiPath, type ObjectAddress, type OptionalResource } from './path.ts'
import { type Access, requestJson } from './request.ts'

const LOOK_MS_MAX = 5_000

type OptionalAddress = Pick<ObjectAddress, 'name'> & { readonly resource: OptionalResource }

/** Undefined when it may not be read, is not there, or does not come at once. Rejects only when it is aborted. */
export async function readIfAllowed<T>(
  { access, namespace }: Access,
  address: OptionalAddress,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal
): Promise<T | undefined> {
  const path = apiPath({ namespace, ...address })
  const timed = AbortSignal.any([signal, timeoutSignal(LOOK_MS_MAX)])
  return await requestJson<T>(access, { method: 'GET', path, query }, timed).catch(() => {
    signal.throwIfAborted()
    return undefined
  })
}
