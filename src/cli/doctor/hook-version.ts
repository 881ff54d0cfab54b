/** Whether runners that are there have the hook that their ConfigMap has now: a file that is mounted by subPath never changes. */
import { createHash } from 'node:crypto'
import { Writable } from 'node:stream'
import type { V1ConfigMap, V1Pod, V1PodList } from '@kubernetes/client-node'
import { isNotFound, serverMessage } from '../../effects/kubernetes/api/errors.ts'
import { exec } from '../../effects/kubernetes/api/exec.ts'
import { runnerContainer } from '../../effects/kubernetes/context/storage.ts'
import { type Finding, fail, pass, skipped, warn } from './check.ts'
import { ask, type Facts } from './facts.ts'

const LIST_ITEMS_MAX = 200
/** So many runners are asked for their hook; one that was forgotten is most often not alone. */
const ASKED_MAX = 20
const DIGEST_LENGTH = 64
const HOOK_VARIABLE = 'ACTIONS_RUNNER_CONTAINER_HOOKS'

/** Where a runner's hook comes from. */
interface HookMount {
  readonly path: string
  readonly configMap: string
  readonly key: string
}

/** Undefined when the hook is not a file of a ConfigMap that is mounted by itself. */
function hookMountOf(pod: V1Pod): HookMount | undefined {
  const { env = [], volumeMounts = [] } = runnerContainer(pod) ?? {}
  const path = env.find(({ name }) => name === HOOK_VARIABLE)?.value
  const mount = volumeMounts.find(({ mountPath }) => mountPath === path)
  const configMap = pod.spec?.volumes?.find(({ name }) => name === mount?.name)?.configMap?.name
  if (path === undefined || mount?.subPath === undefined || configMap === undefined) return undefined
  return { path, configMap, key: mount.subPath }
}

/** `pod` is the runner pod that doctor looks from; the others of its namespace are looked at when they may be listed. */
export async function checkHookVersion(facts: Facts, pod: V1Pod, signal: AbortSignal): Promise<Finding> {
  const mount = hookMountOf(pod)
  if (mount === undefined) return skipped('the hook is no file of a ConfigMap that is mounted by subPath')
  const { configMap } = mount
  const { access, namespace } = await facts.access()
  const get = <T>(path: string, query: Record<string, string> = {}) =>
    ask<T>(access, { method: 'GET', path: `/api/v1/namespaces/${namespace}/${path}`, query }, signal)
  let wanted: string | undefined
  try {
    wanted = (await get<V1ConfigMap>(`configmaps/${configMap}`)).data?.[mount.key]
  } catch (thrown) {
    if (!isNotFound(thrown)) return skipped(`ConfigMap ${configMap} could not be read: ${serverMessage(thrown)}`)
  }
  if (wanted === undefined)
    return fail(`ConfigMap ${configMap} has no ${mount.key}: runners that are made now do not start`, MAKE_IT)
  const pods = await get<V1PodList>('pods', { limit: String(LIST_ITEMS_MAX) }).then(
    ({ items }) => items.filter((one) => one.status?.phase === 'Running' && hookMountOf(one)?.configMap === configMap),
    () => [pod]
  )
  const digest = createHash('sha256').update(wanted).digest('hex')
  const asked = pods.slice(0, ASKED_MAX).map(async (one) => ({ one, has: await digestOfHook(facts, one, signal) }))
  const answers = (await Promise.all(asked)).filter(({ has }) => has !== undefined)
  const old = answers.filter(({ has }) => has !== digest).map(({ one }) => one.metadata?.name)
  if (answers.length === 0) return skipped('no runner pod told which hook it has')
  if (old.length === 0)
    return pass(`all ${answers.length} runners that were asked have the hook of ConfigMap ${configMap}`)
  return warn(`not the hook that ConfigMap ${configMap} has now: ${old.join(', ')}`, REPLACE)
}

const MAKE_IT = 'make the ConfigMap: docs/install.md, 2. The hook'
const REPLACE = `a runner keeps the hook it began with; replace those that wait: helm upgrade with another value of the annotation slipway/hook (docs/install.md, A new version)`

/** Undefined when the pod does not say; it may be about to go. */
async function digestOfHook(facts: Facts, pod: V1Pod, signal: AbortSignal): Promise<string | undefined> {
  const { access, namespace } = await facts.access()
  const container = runnerContainer(pod)?.name ?? ''
  let said = ''
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      said = (said + String(chunk)).slice(0, DIGEST_LENGTH)
      done()
    }
  })
  const command = ['sha256sum', hookMountOf(pod)?.path ?? '']
  const target = { access, namespace, pod: pod.metadata?.name ?? '', container }
  const ended = await exec({ ...target, command, stdout }, signal).catch(() => undefined)
  return ended?.exitCode === 0 && said.length === DIGEST_LENGTH ? said : undefined
}
