/** Ports as `docker run --publish` takes them, for the containers of the job pod and for the answer to the runner. */
import { isIP } from 'node:net'
import type { V1ContainerPort } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'

const PORT_MAX = 65_535
/** That a pod's spec lists of one container. Only those of the node do anything there. */
const LISTED_MAX = 1_000

const PROTOCOLS = ['tcp', 'udp', 'sctp']

/** One port that a mapping asks for. */
interface Published {
  readonly container: number
  readonly protocol: string
  /** Undefined: any; docker takes a free one. */
  readonly host: number | undefined
  /** Undefined: every address of the host. */
  readonly address: string | undefined
}

/**
 * What one container's mappings are in a pod. Everything in a job shares one network, so a port is reached under its own number
 * without anybody's help; the node's are taken only where `ofNode` says so. Throws `invalid-input` for what docker refuses, too.
 */
export function containerPorts(mappings: readonly string[], ofNode = false): V1ContainerPort[] {
  const ports = new Map<string, V1ContainerPort>()
  for (const { container, protocol, host, address } of mappings.flatMap(published)) {
    const isOfNode = ofNode && host !== undefined
    if (ports.size >= LISTED_MAX) {
      if (isOfNode) throw new StepError('invalid-input', `more than ${LISTED_MAX} ports of the node for one container`)
      continue
    }
    const port = { containerPort: container, protocol: protocol.toUpperCase() }
    if (!isOfNode) ports.set(`${container}/${protocol}`, port)
    else {
      const ofHost = { hostPort: host, ...(address !== undefined && { hostIP: address }) }
      ports.set(`${address}:${host}:${container}/${protocol}`, { ...port, ...ofHost })
    }
  }
  return [...ports.values()]
}

/** What `job.services.<name>.ports` shows, by container port: the host's, as docker does; where docker would take any, the container's own. */
export function contextPorts(mappings: readonly string[]): Record<string, string> {
  const ports = mappings.flatMap(published)
  return Object.fromEntries(ports.map(({ container, host }) => [String(container), String(host ?? container)]))
}

/** `[[address:][host port]:]container port[/protocol]`, where a port may be a range; docker's parser is go-connections, nat/nat.go. */
function published(mapping: string): Published[] {
  const text = mapping.includes('=') ? longForm(mapping) : mapping.trim()
  const [ports = '', protocol = ''] = text.split(/\/(.*)/s)
  const parts = ports.split(':')
  const containers = range(parts.at(-1) ?? '')
  const hosts = parts.length < 2 || parts.at(-2) === '' ? undefined : range(parts.at(-2) ?? '')
  const address = parts
    .slice(0, -2)
    .join(':')
    .replace(/^\[(.*)\]$/, '$1')
  const isRight =
    containers !== undefined &&
    containers.first > 0 &&
    (hosts !== undefined || parts.length < 2 || parts.at(-2) === '') &&
    (address === '' || isIP(address) !== 0) &&
    ['', ...PROTOCOLS].includes(protocol.toLowerCase()) &&
    // A range for a single port: docker takes the first that is free.
    (hosts === undefined || containers.count === 1 || containers.count === hosts.count)
  if (!isRight) throw wrong(mapping)
  return Array.from({ length: containers.count }, (_, index) => ({
    container: containers.first + index,
    protocol: protocol.toLowerCase() || 'tcp',
    // Port 0 is any.
    host: hosts === undefined || hosts.first === 0 ? undefined : hosts.first + index,
    address: address === '' ? undefined : address
  }))
}

/** `published=8080,target=80,protocol=udp` as the short form. */
function longForm(mapping: string): string {
  const values: Record<string, string | undefined> = Object.fromEntries(
    mapping.split(',').map((part) => part.trim().split(/=(.*)/s).slice(0, 2))
  )
  const { published = '', target = '', protocol = '' } = values
  return `${published}:${target}/${protocol}`
}

function range(text: string): { readonly first: number; readonly count: number } | undefined {
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  const [first, last] = [Number(from), Number(to)]
  return from !== undefined && first <= last && last <= PORT_MAX ? { first, count: last - first + 1 } : undefined
}

const wrong = (mapping: string) =>
  new StepError(
    'invalid-input',
    `the port '${mapping}' is not one of the form [[address:]host port:]container port[/tcp|udp] with ports from 1 to ${PORT_MAX}, or ranges of the same length; correct it in the workflow`
  )
