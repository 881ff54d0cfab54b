/** Whether the registry answers where the hook pushes to, lets the hook in, and lets images be removed again. */
import { checkPodSecrets, readBaseImageConfig } from '../../effects/kubernetes/registry/credentials.ts'
import { SECRET_VARIABLES } from '../../effects/kubernetes/registry/settings.ts'
import { repositoryOf } from '../../effects/registry/reference.ts'
import { StepError, toStepError } from '../../errors.ts'
import { SETTINGS as TABLE } from '../../hooks/settings/settings.ts'
import { type Check, explain, type Finding, fail, pass, skipped, warn } from './check.ts'
import { API } from './cluster-checks.ts'
import { type Facts, placeOf } from './facts.ts'
import { NAMESPACE, permission } from './permission-checks.ts'
import { SETTINGS } from './settings-checks.ts'

export const REGISTRY = 'Registry'
export const REGISTRY_SECRETS = 'Registry Secrets'
export const DELETION = 'Registry deletion'

export const NO_REGISTRY = 'not checked: no registry is configured'
const NOT_USED = 'needed: Dockerfiles are built in place (docs/in-place.md)'

const HOST = TABLE.registryHost.variable
const PORT = TABLE.registryPort.variable
const NODE_PORT = TABLE.registryNodePort.variable

export function registryChecks(facts: Facts): readonly Check[] {
  return [
    {
      name: REGISTRY_SECRETS,
      needs: [SETTINGS, API, NAMESPACE, permission('secrets')],
      run: (signal) => checkSecrets(facts, signal)
    },
    { name: REGISTRY, needs: [REGISTRY_SECRETS], run: (signal) => checkAnswer(facts, signal) },
    {
      name: DELETION,
      needs: placeOf(facts) === 'in-place' ? [] : [REGISTRY],
      run: (signal) => checkDeletion(facts, signal)
    }
  ]
}

async function checkSecrets(facts: Facts, signal: AbortSignal): Promise<Finding> {
  const { registry: settings } = facts.config()
  if (placeOf(facts) === 'in-place') return await checkBaseImages(facts, signal)
  if (settings === undefined) {
    return warn(
      'no registry is configured, so Dockerfiles cannot be built; everything else works',
      `set ${HOST}, and for a registry in the cluster ${PORT} and ${NODE_PORT}, on the runner (docs/install.md, "The registry")`
    )
  }
  const names = [settings.pushSecret, settings.pullSecret, settings.baseImageSecret, settings.caSecret]
  const given = names.filter((name) => name !== undefined)
  if (given.length === 0) return pass('none are configured')
  try {
    await facts.registry(signal)
    await checkPodSecrets({ cluster: await facts.cluster(), reporter: facts.deps.reporter }, settings, signal)
    return pass(`${given.join(', ')}: there, and of the right kind`)
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof StepError)) throw thrown
    return fail(explain(thrown), await secretFix(facts))
  }
}

/** In place there is one Secret at most. */
async function checkBaseImages(facts: Facts, signal: AbortSignal): Promise<Finding> {
  const { baseImageSecret } = facts.config()
  if (baseImageSecret === undefined) return pass(`none are ${NOT_USED}`)
  try {
    const { reporter } = facts.deps
    await readBaseImageConfig({ cluster: await facts.cluster(), reporter }, baseImageSecret, signal)
    return pass(`${baseImageSecret}, for images in FROM: there, and of the right kind`)
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof StepError)) throw thrown
    return fail(explain(thrown), await secretFix(facts))
  }
}

async function secretFix(facts: Facts): Promise<string> {
  const { namespace } = await facts.access()
  const { pushHost = 'HOST' } = facts.config().registry ?? {}
  return `make the Secrets, and give their names to the runner (${Object.values(SECRET_VARIABLES).join(', ')}; docs/registry.md):
kubectl create secret docker-registry NAME -n ${namespace} --docker-server=${pushHost} --docker-username=USER --docker-password=PASSWORD
kubectl create secret generic NAME -n ${namespace} --from-file=ca.crt`
}

async function checkAnswer(facts: Facts, signal: AbortSignal): Promise<Finding> {
  if (placeOf(facts) === 'in-place') return skipped(`none is ${NOT_USED}`)
  const client = await facts.registry(signal)
  if (client === undefined) return skipped(NO_REGISTRY)
  try {
    await client.ping(signal)
    return pass(`${facts.config().registry?.pushHost} answers this pod, and lets it in`)
  } catch (thrown) {
    if (signal.aborted) throw thrown
    const error = toStepError(thrown)
    return fail(explain(error), error.code === 'push-denied' ? await secretFix(facts) : await reachFix(facts, error))
  }
}

const FIND = 'kubectl get services --all-namespaces'

/** What to do about a registry that does not answer, by how the connection failed. */
async function reachFix(facts: Facts, error: StepError): Promise<string> {
  const code = systemCodeOf(error) ?? ''
  if (/ENOTFOUND|EAI_AGAIN/.test(code)) {
    return `set ${HOST} to the name of the registry's Service, as in SERVICE.NAMESPACE.svc.cluster.local; to find it:\n${FIND}`
  }
  if (code === 'ECONNREFUSED') {
    return `set ${PORT} to the port of the registry's Service, and see that its pod runs:\n${FIND}`
  }
  if (/CERT|VERIFY|SIGN/.test(code)) {
    const { namespace } = await facts.access()
    return `make a Secret with the certificate of the registry's authority, and set ${SECRET_VARIABLES.caSecret} to its name:\nkubectl create secret generic NAME -n ${namespace} --from-file=ca.crt`
  }
  return `see that the registry runs, that ${HOST} and ${PORT} are those of its Service, and that no NetworkPolicy keeps this namespace from it:\n${FIND}\nkubectl get networkpolicies --all-namespaces`
}

/** The operating system's or OpenSSL's word for what went wrong, out of the innermost cause. */
function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined
  const { code, errors } = thrown as Error & { code?: unknown; errors?: readonly unknown[] }
  const inner = systemCodeOf(thrown.cause) ?? systemCodeOf(errors?.[0])
  return inner ?? (typeof code === 'string' && !(thrown instanceof StepError) ? code : undefined)
}

async function checkDeletion(facts: Facts, signal: AbortSignal): Promise<Finding> {
  if (placeOf(facts) === 'in-place') return skipped(`none is ${NOT_USED}`)
  const [client, { registry: settings }] = [await facts.registry(signal), facts.config()]
  if (client === undefined || settings === undefined) return skipped(NO_REGISTRY)
  const mayDelete = client.mayDelete(repositoryOf(settings, 'doctor'), signal)
  // The user for pushing need not be allowed to delete where images stay (docs/registry.md).
  const isDenied = (error: unknown) => error instanceof StepError && error.code === 'push-denied' && settings.isKept
  const isAllowed = await mayDelete.catch((error: unknown) => {
    if (isDenied(error)) return false
    throw error
  })
  if (isAllowed) return pass('images can be removed')
  if (settings.isKept) return warn('images cannot be removed; they are to stay, and so will the small one made below')
  return fail(
    'deletion is switched off in the registry, so what is built stays there',
    `switch it on in the registry; for the CNCF's registry (registry:2):
kubectl set env deployment/REGISTRY -n NAMESPACE REGISTRY_STORAGE_DELETE_ENABLED=true`
  )
}
