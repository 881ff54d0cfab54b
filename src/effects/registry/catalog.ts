/** What a registry has, when it was made and what it runs, read without moving a layer, for `slipway gc` and container steps. */
import * as z from 'zod/mini'
import { StepError } from '../../errors.ts'
import { type ImageReference, isDigest } from './reference.ts'

/** One GET below `/v2/`, read to its end. */
export type Get = (path: string, signal: AbortSignal) => Promise<{ readonly status: number; readonly body: string }>

const PAGE_LENGTH = 500
/** Fifty thousand repositories. */
const PAGES_MAX = 100

const catalog = z.object({ repositories: z.nullable(z.array(z.unknown())) })
const digest = z.object({ digest: z.string().check(z.refine(isDigest)) })
/** An image's manifest names its configuration, an index names manifests. */
const manifest = z.object({ config: z.optional(digest), manifests: z.optional(z.array(digest)) })
const words = z.nullish(z.array(z.string()))
const configuration = z.object({
  created: z.optional(z.string()),
  config: z.nullish(z.object({ Entrypoint: words, Cmd: words }))
})

/**
 * Names of all repositories, page by page; undefined when the registry does not list them: the call is no part of the OCI
 * distribution specification, and may be switched off. Rejects with `not-supported` past the bound.
 */
export async function listRepositories(get: Get, signal: AbortSignal): Promise<readonly string[] | undefined> {
  const found = new Set<string>()
  let last = ''
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = new URLSearchParams({ n: String(PAGE_LENGTH), ...(last !== '' && { last }) })
    const { status, body } = await get(`_catalog?${query}`, signal)
    const listed = status === 200 ? parsed(catalog, body) : undefined
    if (listed === undefined) return undefined
    // Whatever else stands there is the name of nothing that could be asked for.
    const texts = (listed.repositories ?? []).filter((name) => typeof name === 'string')
    const names = texts.filter((name) => !found.has(name))
    if (names.length === 0) return [...found]
    for (const name of names) found.add(name)
    last = names.at(-1) ?? ''
  }
  throw new StepError('not-supported', `The registry has more than ${PAGES_MAX * PAGE_LENGTH} repositories`)
}

/** What an image says of when it was made (RFC 3339); undefined when it does not. Of an index, what its first image says. */
export async function createdAt(get: Get, image: NamedImage, signal: AbortSignal): Promise<string | undefined> {
  return (await configurationOf(get, image, signal))?.created
}

/** ENTRYPOINT and CMD of an image; undefined when there is none of this name. */
export async function programOf(get: Get, image: NamedImage, signal: AbortSignal): Promise<ImageProgram | undefined> {
  const found = await configurationOf(get, image, signal)
  return found && { entryPoint: found.config?.Entrypoint ?? [], args: found.config?.Cmd ?? [] }
}

export interface ImageProgram {
  readonly entryPoint: readonly string[]
  readonly args: readonly string[]
}

type NamedImage = Pick<ImageReference, 'repository' | 'version'>

async function configurationOf(
  get: Get,
  { repository, version }: NamedImage,
  signal: AbortSignal
): Promise<z.infer<typeof configuration> | undefined> {
  const read = async <Schema extends z.ZodMiniType>(schema: Schema, path: string) => {
    const { status, body } = await get(`${repository}/${path}`, signal)
    return status === 200 ? parsed(schema, body) : undefined
  }
  const top = await read(manifest, `manifests/${version}`)
  const [first] = top?.manifests ?? []
  const image = first === undefined ? top : await read(manifest, `manifests/${first.digest}`)
  if (image?.config === undefined) return undefined
  return await read(configuration, `blobs/${image.config.digest}`)
}

function parsed<Schema extends z.ZodMiniType>(schema: Schema, text: string): z.infer<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
