/** What secured-registry.ts gives to the cluster: two registry servers on one storage, and what they ask for tokens. */
import { IMAGES } from './images.ts'
import { NODE } from './runner-pod.ts'

/** `basic`: the servers know the password. `token`: they know only who signs tokens, as hosted registries do. */
export type Authentication = 'basic' | 'token'

export interface RegistryServers {
  readonly authentication: Authentication
  /** Where each server sends those who need a token. */
  readonly realms: { readonly push: string; readonly pull: string }
  /** `user:password` */
  readonly account: string
}

export const SERVICE = 'registry'
/** Container that base images are made from. */
export const TOOLS = 'tools'
export const PORTS = { push: 5000, pull: 5001, 'push-token': 5002, 'pull-token': 5003 } as const
/** Who tokens are for and from. */
const TOKENS = 'slipway-test'
const [CERTIFICATE, KEY] = ['/files/tls.crt', '/files/tls.key']
const FILES_MOUNT = { name: 'files', mountPath: '/files' }
const LABELS = { app: SERVICE }

export const service = (namespace: string): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: SERVICE, namespace },
  spec: {
    type: 'NodePort',
    selector: LABELS,
    ports: Object.entries(PORTS).map(([name, port]) => ({ name, port }))
  }
})

/** Its files are those of the Secret `files`: tls.crt, tls.key, htpasswd and token-service.cjs. */
export const deployment = (namespace: string, servers: RegistryServers): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: SERVICE, namespace },
  spec: {
    selector: { matchLabels: LABELS },
    template: {
      metadata: { labels: LABELS },
      spec: {
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        containers: [
          server('push', {
            ...asking(servers.authentication, servers.realms.push),
            REGISTRY_HTTP_TLS_CERTIFICATE: CERTIFICATE,
            REGISTRY_HTTP_TLS_KEY: KEY
          }),
          server('pull', asking(servers.authentication, servers.realms.pull)),
          ...(servers.authentication === 'token' ? [tokenService(servers.account)] : []),
          container(TOOLS, IMAGES.busybox, { command: ['sleep', 'infinity'] })
        ],
        volumes: [
          { name: 'data', emptyDir: {} },
          { name: FILES_MOUNT.name, secret: { secretName: 'files' } }
        ]
      }
    }
  }
})

const container = (name: string, image: string, more: object): object => ({
  name,
  image,
  imagePullPolicy: 'IfNotPresent',
  ...more
})

const variables = (env: Readonly<Record<string, string>>) =>
  Object.entries(env).map(([name, value]) => ({ name, value }))

const ready = (port: number) => ({ tcpSocket: { port }, periodSeconds: 1 })

const server = (name: 'push' | 'pull', env: Readonly<Record<string, string>>): object =>
  container(name, IMAGES.registry, {
    env: variables({ REGISTRY_HTTP_ADDR: `:${PORTS[name]}`, ...env }),
    readinessProbe: ready(PORTS[name]),
    volumeMounts: [{ name: 'data', mountPath: '/var/lib/registry' }, FILES_MOUNT]
  })

/** Variables of a server (CNCF distribution, "Configuring a registry", auth). */
function asking(authentication: Authentication, realm: string): Readonly<Record<string, string>> {
  if (authentication === 'basic') {
    return {
      REGISTRY_AUTH: 'htpasswd',
      REGISTRY_AUTH_HTPASSWD_REALM: 'test',
      REGISTRY_AUTH_HTPASSWD_PATH: '/files/htpasswd'
    }
  }
  return {
    REGISTRY_AUTH: 'token',
    REGISTRY_AUTH_TOKEN_REALM: realm,
    REGISTRY_AUTH_TOKEN_SERVICE: TOKENS,
    REGISTRY_AUTH_TOKEN_ISSUER: TOKENS,
    REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE: CERTIFICATE
  }
}

const tokenService = (account: string): object =>
  container('token', IMAGES.runner, {
    command: [NODE, '/files/token-service.cjs', String(PORTS['push-token']), String(PORTS['pull-token'])],
    args: [CERTIFICATE, KEY],
    env: variables({ SERVICE: TOKENS, ACCOUNT: account }),
    readinessProbe: ready(PORTS['pull-token']),
    volumeMounts: [FILES_MOUNT]
  })
