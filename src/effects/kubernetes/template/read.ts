/** The pod template of the runner's administrator (ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE), read and checked, for template.ts. */
import { readFile } from 'node:fs/promises'
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import * as z from 'zod'
import { StepError } from '../../../errors.ts'

export type ContainerPatch = Partial<V1Container> & { readonly name: string }

/** What a partial PodTemplateSpec asks for. */
export interface PodPatch {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly containers: readonly ContainerPatch[]
  readonly initContainers: readonly ContainerPatch[]
  /** Every other key of the pod's spec. */
  readonly spec: Partial<V1PodSpec>
}

export interface PodTemplate {
  readonly path: string
  /** For job pods and step pods: the file's own PodTemplateSpec, as the shipped hook reads it. */
  readonly extension: PodPatch
  /** For step pods only, and for build pods only: Slipway's own sections (docs/template.md). */
  readonly step: PodPatch
  readonly build: PodPatch
}

const list = z.array(z.looseObject({ name: z.string().min(1) })).nullish()
const texts = z.record(z.string(), z.string()).nullish()
const objects = z.array(z.looseObject({})).nullish()

const container = z.looseObject({
  name: z.string().min(1),
  env: list,
  ports: objects,
  volumeMounts: objects
})

/** As far as it is merged with ours. */
const affinity = z.looseObject({
  nodeAffinity: z
    .looseObject({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .looseObject({
          nodeSelectorTerms: z.array(z.looseObject({ matchFields: z.array(z.unknown()).nullish() })).nullish()
        })
        .nullish()
    })
    .nullish()
})

const podTemplateSpec = z.looseObject({
  metadata: z.looseObject({ labels: texts, annotations: texts }).nullish(),
  spec: z
    .looseObject({
      containers: z.array(container).nullish(),
      initContainers: z.array(container).nullish(),
      volumes: list,
      imagePullSecrets: objects,
      hostAliases: objects,
      affinity: affinity.nullish(),
      securityContext: z.looseObject({}).nullish()
    })
    .nullish()
})

const template = podTemplateSpec.extend({
  slipway: z.strictObject({ step: podTemplateSpec.nullish(), build: podTemplateSpec.nullish() }).nullish()
})

/** Throws `invalid-input` with one line for a file that cannot be used. */
export async function readTemplate(path: string): Promise<PodTemplate> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw wrong(path, `cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  return await parseTemplate(text, path)
}

/** Throws `invalid-input` with one line; `path` is only for that. */
export async function parseTemplate(text: string, path: string): Promise<PodTemplate> {
  const { parseYaml } = await import('../../yaml.ts')
  let document: unknown
  try {
    document = parseYaml(text)
  } catch (error) {
    throw wrong(path, (error as Error).message)
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw wrong(path, 'must hold one PodTemplateSpec, an object with metadata and spec')
  }
  const parsed = template.safeParse(document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw wrong(path, `is wrong at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`)
  }
  const { slipway, ...extension } = parsed.data
  return { path, extension: toPatch(extension), step: toPatch(slipway?.step), build: toPatch(slipway?.build) }
}

function toPatch(given: z.infer<typeof podTemplateSpec> | null | undefined): PodPatch {
  const { containers, initContainers, ...spec } = given?.spec ?? {}
  return {
    labels: given?.metadata?.labels ?? {},
    annotations: given?.metadata?.annotations ?? {},
    containers: toContainers(containers),
    initContainers: toContainers(initContainers),
    spec: Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== null)) as Partial<V1PodSpec>
  }
}

/** That they are valid Kubernetes is for the API server to say, which does it precisely. */
const toContainers = (given: readonly z.infer<typeof container>[] | null | undefined) =>
  (given ?? []) as unknown as readonly ContainerPatch[]

const wrong = (path: string, what: string) =>
  new StepError('invalid-input', `the pod template ${path} ${what}; correct ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE`)
