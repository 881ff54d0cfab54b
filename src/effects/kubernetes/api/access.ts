/**
 * Where the API server is and how to authenticate, for those who need no more than that.
 *
 * A pod's own service account is read here: loading the Kubernetes client takes longer than a whole short script step.
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { StepError } from '../../../errors.ts'
import type { Access, ApiAccess } from './request.ts'

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which the kubelet gives to every container. */
export interface ServiceAddress {
  readonly host: string
  readonly port: string
}

/**
 * The same choice as the Kubernetes client's: a kubeconfig if there is one, else the service account. `service` is undefined
 * where KUBECONFIG is set. Rejects with `not-configured`.
 */
export async function openAccess(
  service: ServiceAddress | undefined,
  givenNamespace: string | undefined
): Promise<Access> {
  if (service !== undefined && !existsSync(join(homedir(), '.kube', 'config'))) {
    const namespace = givenNamespace ?? read('namespace')
    return { access: serviceAccount(service), namespace }
  }
  const { readKubeConfig } = await import('./kubeconfig.ts')
  return readKubeConfig(givenNamespace)
}

/** Small files of a tmpfs: reading them at once is faster than asking another thread to. */
function read(name: 'token' | 'ca.crt' | 'namespace'): string {
  try {
    return readFileSync(join(SERVICE_ACCOUNT, name), 'utf8').trim()
  } catch (error) {
    throw new StepError(
      'not-configured',
      `this pod has no service account ${name}: give the runner pod one that may use pods/exec`,
      { cause: error }
    )
  }
}

function serviceAccount({ host, port }: ServiceAddress): ApiAccess {
  const address = host.includes(':') ? `[${host}]` : host
  return {
    getCurrentCluster: () => ({ name: 'in-cluster', server: `https://${address}:${port}`, skipTLSVerify: false }),
    // Read for every request: tokens are renewed.
    async applyToHTTPSOptions(options) {
      options.ca = read('ca.crt')
      options.headers = { ...options.headers, Authorization: `Bearer ${read('token')}` }
    }
  }
}
