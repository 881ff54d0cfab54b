/** The Kubernetes ports of one script step: its shell is opened before anything is known of the pod, and nothing typed before it is known to be ours. */
import { posix } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import type { ScriptPorts } from '../../../machines/ports.ts'
import { askedEarly } from '../../remembered.ts'
import { timeoutSignal, turn } from '../../system.ts'
import { JOB_WORK } from '../../work-tree/layout.ts'
import { openAccess } from '../api/access.ts'
import { apiError, isNotFound } from '../api/errors.ts'
import { ExecRefused, exec } from '../api/exec.ts'
import { apiPath } from '../api/path.ts'
import { requestJson } from '../api/request.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { detectStorage, isCopied } from '../context/storage.ts'
import { JOB_CONTAINER, jobPodName, VARIABLES_ANNOTATION } from '../names.ts'
import { createNodeWatch } from '../pods/node-watch.ts'
import { jobPodGone, jobPodOfOther, lookAtOwnPods, type OwnPods } from '../pods/own.ts'
import type { JobContainer } from './connection.ts'
import { type OpenShell, openEarly } from './early-shell.ts'
import { createScriptHost } from './host.ts'
import { createScriptJanitor } from './janitor.ts'

const CALL_TIMEOUT_MS = 15_000

export interface ScriptOptions extends KubernetesOptions {
  /** Basenames, with wildcards, of the files that the workflow computes hashes of. */
  readonly hashFiles: readonly string[]
}

interface Found {
  readonly container: JobContainer
  readonly look: (signal: AbortSignal) => Promise<OwnPods>
}

/** The ports of one script step. Begins to open a shell in the job container at once; what comes of it, the first attempt learns. */
export function createScriptPorts(options: ScriptOptions, deps: KubernetesDependencies): ScriptPorts {
  const { clock, randomHex } = deps
  const found = findContainer(options, deps)
  found.catch(() => {})
  const container = async () => (await found).container
  const transfer = async (signal: AbortSignal) => {
    const [{ discoverSite }, { chooseTransfer }] = await Promise.all([
      import('../context/site.ts'),
      import('../files/choose.ts')
    ])
    return chooseTransfer(await discoverSite(options, deps, signal))
  }
  return {
    clock,
    host: createScriptHost({
      container,
      async variables(signal) {
        const { jobPod } = await (await found).look(signal)
        return JSON.parse(jobPod?.metadata?.annotations?.[VARIABLES_ANNOTATION] ?? '{}')
      },
      async isCopied(signal) {
        const { runnerPod } = await (await found).look(signal)
        return isCopied(detectStorage(runnerPod, options))
      },
      paths: options.paths,
      hashFiles: options.hashFiles,
      async copyInAction(path, signal) {
        await (await transfer(signal)).copyInAction(posix.relative(JOB_WORK, path), signal)
      },
      async copyOutArtifacts(lists, signal) {
        await (await transfer(signal)).copyOutArtifacts(lists, signal)
      },
      randomHex
    }),
    janitor: createScriptJanitor({ container, randomHex })
  }
}

async function findContainer(options: ScriptOptions, { reporter, clock }: KubernetesDependencies): Promise<Found> {
  const { access, namespace } = await openAccess(options.service, options.namespace)
  const pod = options.jobPod ?? jobPodName(options.runnerPod)
  const refusal = new AbortController()
  /** Shells that something was, or may have been, typed into. */
  let typed = 0
  const open: OpenShell = (stdin, stdout, signal) =>
    exec(
      { access, namespace, pod, container: JOB_CONTAINER, command: ['sh'], stdin, stdout },
      AbortSignal.any([signal, refusal.signal])
    )
  /** One call, without the client and its retries: the stage has its own. */
  const getPod = async (name: string, signal: AbortSignal): Promise<V1Pod | undefined> => {
    const path = apiPath({ namespace, resource: 'pods', name })
    const timed = AbortSignal.any([signal, timeoutSignal(CALL_TIMEOUT_MS)])
    try {
      return await requestJson<V1Pod>(access, { method: 'GET', path }, timed)
    } catch (error) {
      signal.throwIfAborted()
      if (isNotFound(error)) return undefined
      throw apiError(error, { verb: 'get', resource: 'pods', name, namespace })
    }
  }
  const lookAnew = async (signal: AbortSignal): Promise<OwnPods> => {
    try {
      const pods = await lookAtOwnPods({ namespace, getPod }, options, signal)
      if (pods.jobPod !== undefined) return pods
      throw pods.stranger === undefined ? jobPodGone(pod) : jobPodOfOther(pod)
    } catch (error) {
      if (isPermanent(error)) refusal.abort(error)
      throw error
    }
  }
  const shell = openEarly(open)
  const watch = createNodeWatch({ clock, reporter }, { access, namespace, pod, container: JOB_CONTAINER })
  const look = askedEarly(async (signal) => {
    // The shell takes longest, so its connection is begun first.
    await turn()
    return await lookAnew(signal)
  })
  let isFirst = true
  return {
    look,
    container: {
      namespace,
      pod,
      reporter,
      async shell(stdin, stdout, signal) {
        // Whoever has the pod's name by now is told nothing either.
        const looking = isFirst ? look(signal) : lookAnew(signal)
        isFirst = false
        await looking
        typed += 1
        const stop = new AbortController()
        void watch(AbortSignal.any([signal, stop.signal]))
        try {
          return await shell(stdin, stdout, signal)
        } catch (error) {
          if (error instanceof ExecRefused || isPermanent(error)) typed -= 1
          throw error
        } finally {
          stop.abort()
        }
      },
      isTouched: () => typed > 0,
      getPod: (signal) => getPod(pod, signal)
    }
  }
}

const isPermanent = (error: unknown): error is StepError => error instanceof StepError && !error.retryable
