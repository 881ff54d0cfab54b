/** The credentials of the job's images as pull secrets, for the kubelet. */
import type { V1Pod, V1Secret } from '@kubernetes/client-node'
import type { RegistryCredentials } from '../../../machines/types.ts'
import { ownedMetadata } from '../names.ts'

/** What docker and the kubelet call Docker Hub in a config file. */
const DOCKER_HUB = 'https://index.docker.io/v1/'

/** By registry. */
type Auths = Map<string, { username: string; password: string; auth: string }>

/** As few secrets as can be: another one only when two images of one registry need different credentials. */
export function pullSecrets(
  owner: V1Pod,
  credentials: readonly RegistryCredentials[],
  newName: () => string
): V1Secret[] {
  const configs: Auths[] = []
  for (const { server, username, password } of credentials) {
    const key = server === '' ? DOCKER_HUB : server
    const auth = Buffer.from(`${username}:${password}`, 'utf8').toString('base64')
    const config = configs.find((auths) => [undefined, auth].includes(auths.get(key)?.auth))
    if (config === undefined) configs.push(new Map([[key, { username, password, auth }]]))
    else config.set(key, { username, password, auth })
  }
  return configs.map((auths) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedMetadata(newName(), owner),
    type: 'kubernetes.io/dockerconfigjson',
    immutable: true,
    data: {
      '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: Object.fromEntries(auths) }), 'utf8').toString('base64')
    }
  }))
}
