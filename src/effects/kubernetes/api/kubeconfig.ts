/** The kubeconfig of the environment, for hooks outside of a pod; loaded only where there is one, because it takes its time. */
import { KubeConfig } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { Access } from './request.ts'

/** KUBECONFIG, else the user's own file, else the service account; `namespace` overrides that of the context. Throws `not-configured`. */
export function readKubeConfig(namespace: string | undefined): Access {
  const config = new KubeConfig()
  try {
    config.loadFromDefault()
  } catch (thrown) {
    const [reason] = (thrown as Error).message.split('\n')
    const message = `the kubeconfig cannot be read: ${reason}; correct KUBECONFIG, or unset it`
    throw new StepError('not-configured', message, { cause: thrown })
  }
  return { access: config, namespace: namespace ?? namespaceOf(config) }
}

function namespaceOf(config: KubeConfig): string {
  const current = config.getContextObject(config.getCurrentContext())
  const namespace = current?.namespace ?? config.getContexts().find((context) => context.namespace)?.namespace
  if (namespace) return namespace
  throw new StepError(
    'not-configured',
    'no namespace found: set ACTIONS_RUNNER_KUBERNETES_NAMESPACE, or run the hook in a pod with a service account'
  )
}
