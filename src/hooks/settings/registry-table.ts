/** The variables of the registry, for the table of settings; what they mean together is in registry-config.ts. */
import { SECRET_VARIABLES } from '../../effects/kubernetes/registry/settings.ts'
import { flag, hostAndPath, hostName, kubernetesName, oneOf, port, type Setting } from './values.ts'

const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY'

export const REGISTRY = {
  registryHost: {
    variable: `${PREFIX}_HOST`,
    unset: 'none',
    meaning:
      'The registry as pods reach it. With a node port: the name of its Service. Alone: a registry that pods and nodes reach under one name, `host[:port][/path]`, over TLS (`ghcr.io/org/slipway`). The path is what the names of our repositories begin with.',
    parse: hostAndPath
  },
  registryPort: {
    variable: `${PREFIX}_PORT`,
    unset: 'none',
    meaning: 'Port of that Service.',
    parse: port
  },
  registryNodePort: {
    variable: `${PREFIX}_NODE_PORT`,
    unset: 'none',
    meaning: 'Node port of the registry: kubelets pull from `localhost:<node port>`.',
    parse: port
  },
  retention: {
    variable: `${PREFIX}_RETENTION`,
    unset: '`job`',
    meaning:
      '`job`: images are removed with their job. `keep`: they stay in one repository, so that the same content is built once for all jobs; needs a Secret for pushing. See [Images that stay](registry.md#images-that-stay).',
    parse: oneOf(['job', 'keep'])
  },
  registryPullHost: {
    variable: `${PREFIX}_PULL_HOST`,
    unset: 'the host pushed to',
    meaning: 'Instead of a node port: `host[:port]` under which kubelets reach the same registry.',
    parse: hostName
  },
  plainHttp: {
    variable: `${PREFIX}_PLAIN_HTTP`,
    unset: '`true` with a node port and no authority, else `false`',
    meaning: 'Whether pods and the hook speak plain HTTP to the registry. What kubelets speak is set on the nodes.',
    parse: flag
  },
  caSecret: {
    variable: SECRET_VARIABLES.caSecret,
    unset: 'none',
    meaning:
      "Secret whose key `ca.crt` holds certificates, PEM, of the authority that signed the registry's own. For pods and the hook; nodes are told by themselves.",
    parse: kubernetesName
  },
  pushSecret: {
    variable: SECRET_VARIABLES.pushSecret,
    unset: 'none',
    meaning:
      'Secret of type `kubernetes.io/dockerconfigjson` with credentials to pull, push and delete. Only the hook and the container that pushes get it.',
    parse: kubernetesName
  },
  pullSecret: {
    variable: SECRET_VARIABLES.pullSecret,
    unset: 'none',
    meaning:
      'Secret of that type with which kubelets pull what was built. For a node port it names `localhost:<node port>`.',
    parse: kubernetesName
  },
  baseImageSecret: {
    variable: SECRET_VARIABLES.baseImageSecret,
    unset: 'none',
    meaning:
      'Secret of that type for images in FROM, also where they are built [in place](in-place.md#credentials-of-base-images). **The Dockerfile can read it**: its user should be allowed to pull and nothing else.',
    parse: kubernetesName
  }
} as const satisfies Record<string, Setting>

export type RegistrySettingName = keyof typeof REGISTRY
