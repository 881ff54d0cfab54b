/** The hook's settings, from the one place that reads the environment. */
import * as z from 'zod'
import type { KubernetesOptions, RunnerPaths } from '../effects/kubernetes/options.ts'
import type { RegistryTarget } from '../effects/registry/reference.ts'
import { StepError } from '../errors.ts'

/** Environment variables by what they set (hook-protocol section 5, ADR 0034). */
const VARIABLES = {
  runnerPod: 'ACTIONS_RUNNER_POD_NAME',
  namespace: 'ACTIONS_RUNNER_KUBERNETES_NAMESPACE',
  claimName: 'ACTIONS_RUNNER_CLAIM_NAME',
  runnerImage: 'ACTIONS_RUNNER_IMAGE',
  templatePath: 'ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE',
  prepareTimeout: 'ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS',
  registryHost: 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST',
  registryPort: 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PORT',
  registryNodePort: 'ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT',
  builderImage: 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER_IMAGE',
  traceDirectory: 'ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY',
  hashFiles: 'ACTIONS_RUNNER_CONTAINER_HOOKS_HASHFILES',
  kubeconfig: 'KUBECONFIG',
  serviceHost: 'KUBERNETES_SERVICE_HOST',
  servicePort: 'KUBERNETES_SERVICE_PORT',
  runnerWorkspace: 'RUNNER_WORKSPACE',
  runnerTemp: 'RUNNER_TEMP',
  githubWorkspace: 'GITHUB_WORKSPACE'
} as const

/** The environment of this process, for `readConfig`. */
export const environment: Readonly<Record<string, string | undefined>> = process.env

type Setting = keyof typeof VARIABLES

export interface HookConfig extends KubernetesOptions {
  /** As it is in the environment: what is wrong with it is for a warning only. */
  readonly prepareTimeout?: string | undefined
  /** Names, with wildcards, of the files that hashFiles() needs on the runner's disk in copy mode. */
  readonly hashFiles: readonly string[]
  /** Where to write one trace file per run; undefined: nowhere. */
  readonly traceDirectory?: string | undefined
}

const DNS_LABELS = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const HOST = /^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$/

const port = z.string().refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535, {
  error: 'must be a port number from 1 to 65535'
})
const name = z.string().regex(DNS_LABELS, { error: 'must be a Kubernetes name: a-z, 0-9, - and .' })
const path = z.string().startsWith('/', { error: 'must be an absolute path' })
const text = z.string()

const settings = z.object({
  runnerPod: name,
  namespace: name.optional(),
  claimName: name.optional(),
  runnerImage: text.optional(),
  templatePath: text.optional(),
  prepareTimeout: text.optional(),
  registryHost: z.string().regex(HOST, { error: 'must be a host name without scheme, port and path' }).optional(),
  registryPort: port.optional(),
  registryNodePort: port.optional(),
  builderImage: text.optional(),
  traceDirectory: path.optional(),
  hashFiles: text.optional(),
  kubeconfig: text.optional(),
  serviceHost: text.optional(),
  servicePort: port.optional(),
  runnerWorkspace: path,
  runnerTemp: path,
  githubWorkspace: path
})

const REGISTRY = ['registryHost', 'registryPort', 'registryNodePort'] as const satisfies readonly Setting[]
const registryVariables = REGISTRY.map((setting) => VARIABLES[setting])

/**
 * The settings in an environment; an empty variable counts as unset. Throws `invalid-input` naming the variable that is
 * missing or wrong, and `not-configured` when only some of the registry's variables are set.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): HookConfig {
  const values = Object.fromEntries(
    Object.entries(VARIABLES).map(([setting, variable]) => [setting, environment[variable]?.trim() || undefined])
  )
  const parsed = settings.safeParse(values)
  if (!parsed.success) throw invalid(parsed.error.issues[0], values)
  const { registryHost, registryPort, registryNodePort, runnerWorkspace, runnerTemp, githubWorkspace, ...rest } =
    parsed.data
  const { kubeconfig, serviceHost: host, servicePort, hashFiles, ...others } = rest
  const isInPod = kubeconfig === undefined && host !== undefined && servicePort !== undefined
  const paths: RunnerPaths = { runnerWorkspace, runnerTemp, githubWorkspace }
  return {
    ...others,
    paths,
    hashFiles: hashFiles?.split(',').flatMap((pattern) => pattern.trim() || []) ?? [],
    service: isInPod ? { host, port: servicePort } : undefined,
    registry: readRegistry(registryHost, registryPort, registryNodePort)
  }
}

function invalid(issue: z.core.$ZodIssue | undefined, values: Readonly<Record<string, string | undefined>>): StepError {
  const setting = issue?.path[0] as Setting
  const variable = VARIABLES[setting]
  const value = values[setting]
  if (value !== undefined) {
    return new StepError('invalid-input', `${variable} ${issue?.message}, but is '${value}'; correct it on the runner`)
  }
  const hint =
    setting === 'runnerPod'
      ? 'set it in the runner pod from the field metadata.name'
      : 'the runner sets it for every job; start this hook by the runner'
  return new StepError('invalid-input', `${variable} is not set; ${hint}`)
}

/** A registry in the cluster (ADR 0034): plain HTTP, pushed to by its service name, pulled from by its node port. */
function readRegistry(
  host: string | undefined,
  pushPort: string | undefined,
  nodePort: string | undefined
): RegistryTarget | undefined {
  const given = [host, pushPort, nodePort]
  if (given.every((value) => value === undefined)) return undefined
  const missing = registryVariables.filter((_variable, index) => given[index] === undefined)
  if (missing.length > 0) {
    throw new StepError(
      'not-configured',
      `The image registry is only partly configured: set ${missing.join(' and ')} too, or none of ${registryVariables.join(', ')}`
    )
  }
  return { pushHost: `${host}:${pushPort}`, pullHost: `localhost:${nodePort}`, plainHttp: true }
}
