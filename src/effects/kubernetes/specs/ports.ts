/** `[host:]port[/protocol]` as the runner sends it, for the containers of the job pod and for the answer to the runner. */
import type { V1ContainerPort } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'

const MAPPING = /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp|sctp))?$/i
const PORT_MAX = 65_535

/** Throws `invalid-input` for anything else than one container port, with or without a port of the node before it. */
export function toContainerPort(mapping: string): V1ContainerPort {
  const [, host, container = '', protocol = 'tcp'] = MAPPING.exec(mapping.trim()) ?? []
  const ports = host === undefined ? [container] : [host, container]
  if (!ports.every((port) => Number(port) >= 1 && Number(port) <= PORT_MAX)) {
    throw new StepError(
      'invalid-input',
      `the port '${mapping}' is not one of the form [host:]port[/tcp|udp] with ports from 1 to ${PORT_MAX}; correct it in the workflow`
    )
  }
  return {
    containerPort: Number(container),
    ...(host !== undefined && { hostPort: Number(host) }),
    protocol: protocol.toUpperCase()
  }
}

/** What `job.services.<name>.ports` shows: where each container port is found; without a port of the node, under itself. */
export function contextPorts(mappings: readonly string[]): Record<string, string> {
  const ports = mappings.map(toContainerPort)
  return Object.fromEntries(
    ports.map(({ containerPort, hostPort }) => [String(containerPort), String(hostPort ?? containerPort)])
  )
}
