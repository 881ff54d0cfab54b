/** What to do about each way in which the probe action can fail, by error code, for doctor. */

import { defaultBuilder } from '../../effects/builders/catalog.ts'
import { SECRET_VARIABLES } from '../../effects/kubernetes/registry/settings.ts'
import type { ErrorCode } from '../../errors.ts'
import { SETTINGS } from '../../hooks/settings/settings.ts'
import type { Failure } from '../../machines/run.ts'

const REGISTRY = 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY'

const NODE_PORT = `set ${REGISTRY}_NODE_PORT to the node port of the registry's Service (kind NodePort), and see that it answers on localhost of every node:
kubectl get services --all-namespaces | grep NodePort
curl http://localhost:NODE_PORT/v2/       # on a node
curl http://localhost:10249/proxyMode     # on a node: with nftables or ipvs, no node port answers on localhost
where it never does: unset ${REGISTRY}_NODE_PORT, set ${REGISTRY}_PULL_HOST=NODE_ADDRESS:NODE_PORT and ${REGISTRY}_PLAIN_HTTP=true, and put a hosts.toml for that name on every node (docs/registry.md, "Where node ports do not answer on localhost")`

const IN_PLACE_IMAGE = `set ${SETTINGS.inPlaceImage.variable} to an image of ${defaultBuilder.name} with a shell in /busybox that the nodes can pull (default: ${defaultBuilder.inPlace?.defaultImage})`

/** Where another one is meant in place. */
const IN_PLACE_FIXES: Partial<Record<ErrorCode, string>> = {
  'builder-image-unavailable': IN_PLACE_IMAGE,
  'start-failed': IN_PLACE_IMAGE,
  'dockerfile-failed': `this Dockerfile builds with the default image: set ${SETTINGS.inPlaceImage.variable} to it, or unset it`,
  'builder-out-of-memory':
    'raise the memory limit of steps, for they build: slipway.step in the pod template (docs/template.md)',
  'not-supported':
    'take out of the pod template what the line above names, or let a registry have the images (docs/registry.md)'
}

const FIXES: Partial<Record<ErrorCode, string>> = {
  'base-registry-unreachable': 'see that pods of this namespace reach the registry (DNS, NetworkPolicies)',
  'builder-image-unavailable': `set ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE to an image that the nodes can pull`,
  'builder-out-of-memory': `raise the memory limit of builds: slipway.build in the pod template (docs/template.md)`,
  'builder-lost': 'kubectl get events --sort-by=.lastTimestamp: see what ended the build pod',
  'user-namespace-unavailable':
    'let the nodes have what user namespaces need (docs/security.md, User namespaces), or set ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_USER_NAMESPACE=off, so that no build tries',
  'context-delivery-failed': "see that the runner's image has sh and GNU tar (ACTIONS_RUNNER_IMAGE)",
  'dockerfile-failed':
    'this Dockerfile builds with the default builder: set ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE to it, or unset it',
  'push-denied': `let the user of ${SECRET_VARIABLES.pushSecret} push to the registry (docs/registry.md)`,
  'push-failed': "see the registry's own log: kubectl logs",
  'registry-unreachable': `see that build pods reach ${REGISTRY}_HOST and ${REGISTRY}_PORT: NetworkPolicies, DNS, proxies`,
  'image-not-found': NODE_PORT,
  'image-pull-failed': NODE_PORT,
  'image-denied': `make a Secret with credentials that nodes may pull with, and set ${SECRET_VARIABLES.pullSecret} to its name (docs/registry.md)`,
  'workspace-delivery-failed': "see that the runner's image has sh and GNU tar (ACTIONS_RUNNER_IMAGE)",
  'start-failed':
    'the reason is in the line above; when it is the architecture, keep builds and steps on nodes of one (docs/template.md, nodeSelector)',
  unschedulable: 'make room on the nodes, or change what pods ask for by the pod template (docs/template.md)',
  unstartable:
    'kubectl describe pod NAME while it waits tells why: its node has no user namespaces (docs/security.md), no runtime for its runtimeClassName, no network (CNI), no such volume, or pulls an image slowly',
  'stage-timeout': 'kubectl get events --sort-by=.lastTimestamp: see what the pod was waiting for',
  'collect-failed': "see that the runner's image has GNU tar, find, sort, comm and xargs (ACTIONS_RUNNER_IMAGE)"
}

/** Every code has its page in the documentation, so there is always something to do. */
export const stageFix = ({ code, stage }: Pick<Failure, 'code'> & Partial<Pick<Failure, 'stage'>>): string =>
  (stage === 'buildingInPlace' ? IN_PLACE_FIXES[code] : undefined) ?? FIXES[code] ?? `see docs/errors.md, ${code}`
