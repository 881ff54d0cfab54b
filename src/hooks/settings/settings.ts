/** Every environment variable that the hook reads, as one table: for config.ts, which reads them, and for docs/configuration.md. */
import { CLAIM_ACCESS_MODES } from '../../effects/kubernetes/context/options.ts'
import { BUILDER } from './builder-table.ts'
import { REGISTRY } from './registry-table.ts'
import {
  absolutePath,
  directoryOrOff,
  kubernetesName,
  list,
  oneOf,
  port,
  type Setting,
  smallNumber,
  text
} from './values.ts'

const CONTAINER_HOOKS = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
const code = (name: string) => `\`${name}\``
const SET_BY_RUNNER = 'set by the runner'
const BY_RUNNER = 'the runner sets it for every job; start this hook by the runner'

const RUNNER = {
  runnerPod: {
    variable: 'ACTIONS_RUNNER_POD_NAME',
    unset: 'required',
    meaning:
      'Name of the runner pod. Base of all names, value of the label `runner-pod`, owner of everything created. ARC sets it; elsewhere take it from the field `metadata.name`.',
    parse: kubernetesName,
    required: 'set it in the runner pod from the field metadata.name'
  },
  namespace: {
    variable: 'ACTIONS_RUNNER_KUBERNETES_NAMESPACE',
    unset: 'namespace of the kubeconfig or the service account',
    meaning:
      "Where pods and Secrets are made. It has to be the runner pod's, because owners cannot be in another namespace.",
    parse: kubernetesName
  },
  claimName: {
    variable: 'ACTIONS_RUNNER_CLAIM_NAME',
    unset: "found in the runner pod's spec",
    meaning:
      'The PersistentVolumeClaim that holds the work directory. Setting it means [volume mode](ARCHITECTURE.md#a-container-step-pod-by-pod).',
    parse: kubernetesName
  },
  claimAccessMode: {
    variable: `${CONTAINER_HOOKS}_CLAIM_ACCESS_MODE`,
    unset: code('auto'),
    meaning:
      "Only in volume mode. `ReadWriteMany`: nodes share that claim, so pods run on any of them. `ReadWriteOnce`: pods run on the runner's node. `auto`: what the runner pod's spec says of the claim, or the claim itself where [the Role](install.md#what-the-role-may-allow-besides) lets the hook read it; else as `ReadWriteOnce`.",
    parse: oneOf(CLAIM_ACCESS_MODES)
  },
  runnerImage: {
    variable: 'ACTIONS_RUNNER_IMAGE',
    unset: "the image of the runner pod's container `runner`",
    meaning: 'Image of the containers that move files. It needs `sh` and GNU tar, find, sort, comm and xargs.',
    parse: text
  },
  prepareTimeout: {
    variable: 'ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS',
    unset: '600',
    meaning: 'How long the job pod may take to be up. What is no whole number above 0 is 600, with a warning.',
    parse: text
  },
  templatePath: {
    variable: 'ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE',
    unset: 'none',
    meaning:
      "Path of a YAML file with a PodTemplateSpec on the runner's disk, merged into the job pod and the pods of container steps; its section `slipway` changes step and build pods alone. See [template](template.md).",
    parse: text
  },
  stepUserNamespace: {
    variable: `${CONTAINER_HOOKS}_STEP_USER_NAMESPACE`,
    unset: '`off`',
    meaning:
      "`on`: job pods and the pods of container steps get a user namespace, in which root is nobody on the node. They do not start where nodes, or the work directory's volume, cannot. See [Security](security.md#user-namespaces).",
    parse: oneOf(['on', 'off'] as const)
  },
  hostPorts: {
    variable: `${CONTAINER_HOOKS}_HOST_PORTS`,
    unset: '`off`',
    meaning:
      "`on`: the ports that a workflow publishes (`8080:80`) are taken on the job pod's node, as docker takes them on its host. Two jobs that want the same port cannot be on one node then, and Baseline refuses the pod.",
    parse: oneOf(['on', 'off'] as const)
  },
  hashFiles: {
    variable: `${CONTAINER_HOOKS}_HASHFILES`,
    unset: 'none',
    meaning:
      'Only in storage mode copy: names or globs of files, comma-separated, that come back to the runner after each script so that `hashFiles()` sees them (`package-lock.json,*.gradle`).',
    parse: list
  },
  collectMaxGib: {
    variable: `${CONTAINER_HOOKS}_COLLECT_MAX_GIB`,
    unset: '10',
    meaning:
      'Only in storage mode copy: how many GiB a step may hand back, holes of files not counted. More is an error, [files-refused](errors.md#files-refused).',
    parse: smallNumber
  }
} as const satisfies Record<string, Setting>

const TRACE = {
  traceDirectory: {
    variable: `${CONTAINER_HOOKS}_TRACE_DIRECTORY`,
    unset: "`_diag/slipway` beside the work directory, where the runner's own logs are, if `_diag` is there",
    meaning: 'Absolute path: one [trace](operating.md#traces) per command is written there. `off`: none are written.',
    parse: directoryOrOff
  }
} as const satisfies Record<string, Setting>

/** What nobody has to set. */
const GIVEN = {
  runnerWorkspace: {
    variable: 'RUNNER_WORKSPACE',
    unset: SET_BY_RUNNER,
    meaning: 'Its parent is the work directory, `_work`.',
    parse: absolutePath,
    required: BY_RUNNER
  },
  runnerTemp: {
    variable: 'RUNNER_TEMP',
    unset: SET_BY_RUNNER,
    meaning: 'Where file commands, home and event are.',
    parse: absolutePath,
    required: BY_RUNNER
  },
  githubWorkspace: {
    variable: 'GITHUB_WORKSPACE',
    unset: SET_BY_RUNNER,
    meaning: 'What an action sees as `/github/workspace`.',
    parse: absolutePath,
    required: BY_RUNNER
  },
  repository: {
    variable: 'GITHUB_REPOSITORY',
    unset: SET_BY_RUNNER,
    meaning: 'What pods are for: [their labels](operating.md#which-job-a-pod-is-for) say it.',
    parse: text
  },
  workflow: { variable: 'GITHUB_WORKFLOW', unset: SET_BY_RUNNER, meaning: 'The same.', parse: text },
  run: { variable: 'GITHUB_RUN_ID', unset: SET_BY_RUNNER, meaning: 'The same.', parse: text },
  job: { variable: 'GITHUB_JOB', unset: SET_BY_RUNNER, meaning: 'The same.', parse: text },
  kubeconfig: {
    variable: 'KUBECONFIG',
    unset: 'none',
    meaning:
      "A kubeconfig, for a hook outside of a pod. So is `~/.kube/config` when it is there. Otherwise the pod's service account is used.",
    parse: text
  },
  serviceHost: {
    variable: 'KUBERNETES_SERVICE_HOST',
    unset: 'set by the kubelet',
    meaning: 'Where the API server is.',
    parse: text
  },
  servicePort: {
    variable: 'KUBERNETES_SERVICE_PORT',
    unset: 'set by the kubelet',
    meaning: 'Its port.',
    parse: port
  }
} as const satisfies Record<string, Setting>

/** The parts of the table, by their headings. */
export const SETTING_GROUPS = {
  'Runner and pods': RUNNER,
  Registry: REGISTRY,
  Builder: BUILDER,
  Traces: TRACE,
  'What nobody has to set': GIVEN
} as const satisfies Record<string, Readonly<Record<string, Setting>>>

export const SETTINGS = { ...RUNNER, ...REGISTRY, ...BUILDER, ...TRACE, ...GIVEN }

export type SettingName = keyof typeof SETTINGS

/** What reading a setting gives. */
export type SettingValue<Name extends SettingName> =
  | ReturnType<(typeof SETTINGS)[Name]['parse']>
  | ((typeof SETTINGS)[Name] extends { required: string } ? never : undefined)
