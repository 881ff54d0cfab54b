/** Whether the runner pod is there and is this one, and how files will travel between it and the pods of steps. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { V1Pod } from '@kubernetes/client-node'
import { detectStorage, discoverStorage, runnerContainer } from '../../effects/kubernetes/context/storage.ts'
import { SETTINGS as TABLE } from '../../hooks/settings/settings.ts'
import { type Check, type Finding, fail, pass, skipped } from './check.ts'
import type { Facts } from './facts.ts'
import { permission } from './permission-checks.ts'
import { SETTINGS } from './settings-checks.ts'

export const RUNNER_POD = 'Runner pod'
export const STORAGE = 'Storage'
const FILE_TOOLS = 'File tools'

export function runnerPodChecks(facts: Facts): readonly Check[] {
  let pod: V1Pod | undefined
  return [
    {
      name: RUNNER_POD,
      needs: [SETTINGS, permission('pods')],
      async run(signal) {
        pod = await (await facts.cluster()).getPod(facts.config().runnerPod, signal)
        return judgeRunnerPod(facts, pod, signal)
      }
    },
    { name: STORAGE, needs: [RUNNER_POD], run: (signal) => judgeStorage(facts, pod ?? {}, signal) },
    { name: FILE_TOOLS, needs: [STORAGE], run: (signal) => checkFileTools(facts, pod ?? {}, signal) }
  ]
}

const POD_NAME_FIX = `set it in the runner's container from the pod's own name:
- name: ACTIONS_RUNNER_POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }`

async function judgeRunnerPod(facts: Facts, pod: V1Pod | undefined, signal: AbortSignal): Promise<Finding> {
  const { runnerPod } = facts.config()
  const { namespace } = await facts.access()
  const { pod: own } = await facts.identity(signal)
  if (pod === undefined) {
    return fail(`ACTIONS_RUNNER_POD_NAME is ${runnerPod}, and namespace ${namespace} has no such pod`, POD_NAME_FIX)
  }
  const { uid } = pod.metadata ?? {}
  if (own !== undefined && own.uid !== uid) {
    return fail(
      `ACTIONS_RUNNER_POD_NAME is ${runnerPod}, but this is pod ${own.name}: everything would belong to the other pod, and go with it`,
      POD_NAME_FIX
    )
  }
  const { phase } = pod.status ?? {}
  if (phase !== 'Running') return fail(`${runnerPod} is ${phase}`, `kubectl describe pod ${runnerPod} -n ${namespace}`)
  return pass(
    `${runnerPod}, uid ${uid}, service account ${pod.spec?.serviceAccountName}, on node ${pod.spec?.nodeName}`
  )
}

const UNKNOWN_ACCESS = `it is not known to be ReadWriteMany (if it is, set ${TABLE.claimAccessMode.variable})`

async function judgeStorage(facts: Facts, pod: V1Pod, signal: AbortSignal): Promise<Finding> {
  const config = facts.config()
  const storage = await discoverStorage(await facts.cluster(), pod, config, signal)
  const { mode, workDirectory, volume, nodeName, isShared } = storage
  if (mode === 'copy') {
    return pass(`copy: no claim is mounted at ${workDirectory}, so files travel by tar over exec`)
  }
  const mounted = detectStorage(pod, { paths: config.paths }).volume.persistentVolumeClaim?.claimName
  const claim = volume.persistentVolumeClaim?.claimName
  if (claim !== mounted) {
    const there = mounted === undefined ? 'no claim' : `the claim ${mounted}`
    return fail(
      `ACTIONS_RUNNER_CLAIM_NAME is ${claim}, but the runner pod has ${there} at ${workDirectory}: steps would not see the runner's files`,
      mounted === undefined
        ? `unset ACTIONS_RUNNER_CLAIM_NAME, or mount the claim ${claim} at ${workDirectory} in the runner's container`
        : `set ACTIONS_RUNNER_CLAIM_NAME=${mounted}, or unset it: the claim is found by itself`
    )
  }
  const where = isShared ? 'on any node' : `on this node (${nodeName})`
  const why = isShared === undefined ? UNKNOWN_ACCESS : `it is ${isShared ? '' : 'not '}ReadWriteMany`
  return pass(`volume: the claim ${claim} is mounted at ${workDirectory}; ${why}, so pods run ${where}`)
}

const TOOLS = ['find', 'sort', 'comm', 'xargs'] as const
const TOOLS_MS_MAX = 10_000
const TOOLS_SCRIPT = `tar --version | grep -q GNU || echo 'GNU tar'; for tool in ${TOOLS.join(' ')}; do command -v $tool > /dev/null || echo $tool; done`

/** This program runs in the runner's image, so a look here is a look at the image of the containers that move files. */
async function checkFileTools(facts: Facts, pod: V1Pod, signal: AbortSignal): Promise<Finding> {
  const config = facts.config()
  if (detectStorage(pod, config).mode === 'volume') return skipped('not needed: no files are copied')
  const image = runnerContainer(pod)?.image
  const { pod: own } = await facts.identity(signal)
  if (own === undefined || (config.runnerImage ?? image) !== image) {
    return skipped(`not looked at: this is not the image ${config.runnerImage ?? image}; the run below uses them`)
  }
  const { stdout } = await promisify(execFile)('sh', ['-c', TOOLS_SCRIPT], { signal, timeout: TOOLS_MS_MAX })
  const missing = stdout.split('\n').filter((line) => line !== '')
  if (missing.length === 0) return pass(`GNU tar, ${TOOLS.join(', ')}`)
  return fail(
    `the runner's image ${image} has no ${missing.join(', ')}`,
    `add ${missing.join(', ')} to the image, or set ACTIONS_RUNNER_IMAGE to one that has them`
  )
}
