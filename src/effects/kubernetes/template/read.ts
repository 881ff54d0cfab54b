/** The pod template of the runner's administrator (ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE), read and checked, for template.ts. */
import { readFile } from 'node:fs/promises'
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
// In the hook only the small one: both together are 60 kB more to read at every start.
import { en } from 'zod/locales'
import * as z from 'zod/mini'
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

const list = z.nullish(z.array(z.looseObject({ name: z.string().check(z.minLength(1)) })))
const texts = z.nullish(z.record(z.string(), z.string()))
const objects = z.nullish(z.array(z.looseObject({})))

const container = z.looseObject({
  name: z.string().check(z.minLength(1)),
  env: list,
  ports: objects,
  volumeMounts: objects
})
const containers = z.nullish(z.array(container))

/** As far as it is merged with ours. */
const expression = z.looseObject({ values: z.nullish(z.array(z.string())) })
const nodeSelectorTerms = z.array(
  z.looseObject({ matchFields: z.nullish(z.array(z.unknown())), matchExpressions: z.nullish(z.array(expression)) })
)
const nodeAffinity = z.looseObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.nullish(
    z.looseObject({ nodeSelectorTerms: z.nullish(nodeSelectorTerms) })
  )
})

const podTemplateSpec = z.looseObject({
  metadata: z.nullish(z.looseObject({ labels: texts, annotations: texts })),
  spec: z.nullish(
    z.looseObject({
      containers,
      initContainers: containers,
      volumes: list,
      imagePullSecrets: objects,
      hostAliases: objects,
      nodeSelector: texts,
      affinity: z.nullish(z.looseObject({ nodeAffinity: z.nullish(nodeAffinity) })),
      securityContext: z.nullish(z.looseObject({}))
    })
  )
})
const section = z.nullish(podTemplateSpec)

const template = z.extend(podTemplateSpec, { slipway: z.nullish(z.strictObject({ step: section, build: section })) })

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
  const parsed = template.safeParse(document, { error: en().localeError })
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
