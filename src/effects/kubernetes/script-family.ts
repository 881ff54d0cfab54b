/** The Kubernetes ports of one script step; loads the Kubernetes client only when something goes wrong. */
import { posix } from 'node:path'
import { StepError } from '../../errors.ts'
import type { ScriptPorts } from '../../machines/ports.ts'
import { openAccess } from './access.ts'
import { type OpenShell, openEarly } from './early-shell.ts'
import { ExecRefused, exec } from './exec.ts'
import { JOB_CONTAINER, jobPodName } from './names.ts'
import type { KubernetesDependencies, KubernetesOptions } from './options.ts'
import type { ScriptPlace } from './script-connection.ts'
import { createScriptHost } from './script-host.ts'
import { createScriptJanitor } from './script-janitor.ts'
import { CONTAINER_WORK } from './script-shell.ts'

export interface ScriptOptions extends KubernetesOptions {
  /** Of the job's state; undefined: as the runner pod's own volumes say. */
  readonly storage?: 'copy' | 'volume' | undefined
  /** Basenames, with wildcards, of the files that the workflow computes hashes of. */
  readonly hashFiles: readonly string[]
}

/** The ports of one script step. Begins to open a shell in the job container at once; what comes of it, the first attempt learns. */
export function createScriptPorts(options: ScriptOptions, deps: KubernetesDependencies): ScriptPorts {
  const { clock, randomHex } = deps
  const found = findPlace(options, deps)
  found.catch(() => {})
  const place = () => found
  const isCopied = async (signal: AbortSignal): Promise<boolean> => {
    if (options.storage !== undefined) return options.storage === 'copy'
    const { discoverSite } = await import('./site.ts')
    const site = await discoverSite(options, deps, signal)
    return site.storage.mode === 'copy'
  }
  return {
    clock,
    host: createScriptHost({
      place,
      isCopied,
      paths: options.paths,
      hashFiles: options.hashFiles,
      async bringAction(path, signal) {
        const [{ discoverSite }, { bringToJob }] = await Promise.all([import('./site.ts'), import('./job-files.ts')])
        await bringToJob(await discoverSite(options, deps, signal), posix.relative(CONTAINER_WORK, path), signal)
      },
      randomHex
    }),
    janitor: createScriptJanitor({ place, randomHex })
  }
}

async function findPlace(options: ScriptOptions, { reporter, clock }: KubernetesDependencies): Promise<ScriptPlace> {
  const { access, namespace } = await openAccess(options.service, options.namespace)
  const pod = options.jobPod ?? jobPodName(options.runnerPod)
  /** Shells that were opened, and calls that may still open one. */
  let opened = 0
  const open: OpenShell = async (stdin, stdout, signal) => {
    opened += 1
    try {
      return await exec({ access, namespace, pod, container: JOB_CONTAINER, command: ['sh'], stdin, stdout }, signal)
    } catch (error) {
      if (error instanceof ExecRefused || (error instanceof StepError && !error.retryable)) opened -= 1
      throw error
    }
  }
  return {
    namespace,
    pod,
    reporter,
    shell: openEarly(open),
    isTouched: () => opened > 0,
    async getPod(signal) {
      const { connectCluster } = await import('./client.ts')
      const cluster = await connectCluster({ service: options.service, namespace, clock, onRetry: reporter.aside })
      return await cluster.getPod(pod, signal)
    }
  }
}
