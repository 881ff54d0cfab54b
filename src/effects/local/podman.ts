/** The podman engine for the local backend. */

import { probeDialect } from './docker.ts'
import type { Probe } from './engine.ts'

/** `podman info` fails where `podman version` still answers: without user namespaces, storage or a reachable machine. */
export const probePodman: Probe = probeDialect({
  name: 'podman',
  probe: ['info', '--format', '{{.Version.Version}}'],
  plainHttp: ['--tls-verify=false']
})
