/** Addresses of objects in the API server, for everything that calls it: a name leads to the object it names and nowhere else. */
import { StepError } from '../../../errors.ts'
import { isObjectName } from '../names.ts'

/** What ARC's stock Role does not let the hook read; another Role may. */
export type OptionalResource = 'persistentvolumeclaims' | 'events'

/** Without `name`: all of them. Without `resource`: the namespace itself. */
export interface ObjectAddress {
  readonly namespace: string
  readonly resource?: 'pods' | 'secrets' | OptionalResource
  readonly name?: string | undefined
  readonly part?: 'exec' | 'log'
}

/** How much of a wrong name is repeated. */
const SHOWN_LENGTH_MAX = 80

/** Below the server's address. Throws `invalid-input` for what cannot be a name, since it would be read as another address. */
export function apiPath({ namespace, resource, name, part }: ObjectAddress): string {
  const parts = ['namespaces', valid(namespace), resource, name === undefined ? undefined : valid(name), part]
  return `/api/v1/${parts.filter((one) => one !== undefined).join('/')}`
}

function valid(name: string): string {
  if (isObjectName(name)) return name
  const shown = JSON.stringify(name.slice(0, SHOWN_LENGTH_MAX))
  throw new StepError('invalid-input', `nothing in Kubernetes can have the name ${shown}; correct it`)
}
