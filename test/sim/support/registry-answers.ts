/** The registry of a simulated cluster: digests of tags, and their removal; images come from pods that push. */
import { type Answer, refusal } from './answer.ts'
import type { World } from './world.ts'

const MANIFEST = /^\/v2\/(.+)\/manifests\/(.+)$/
/** Of every image: all were made long ago. */
const CONFIGURATION = `sha256:${'c'.repeat(64)}`
const BLOB = /^\/v2\/.+\/blobs\/.+$/
const TAGS = /^\/v2\/(.+)\/tags\/list$/

export function serveRegistry({ images }: World, method: string, url: URL): Answer {
  const { pathname } = url
  if (pathname === '/v2/') return { status: 200, body: {} }
  if (pathname === '/v2/_catalog') {
    const repositories = new Set([...images.keys()].map((key) => key.split(':')[0]))
    return { status: 200, body: { repositories: [...repositories] } }
  }
  if (BLOB.test(pathname)) return { status: 200, body: { created: '2020-01-01T00:00:00Z' } }
  const [, listed] = TAGS.exec(pathname) ?? []
  if (listed !== undefined) {
    const tags = [...images.keys()].filter((key) => key.startsWith(`${listed}:`)).map((key) => key.split(':')[1])
    return tags.length > 0 ? { status: 200, body: { name: listed, tags } } : refusal(404, 'NAME_UNKNOWN')
  }
  const [, repository = '', version = ''] = MANIFEST.exec(pathname) ?? []
  const found = [...images].filter(
    ([key, digest]) => key === `${repository}:${version}` || (key.startsWith(`${repository}:`) && digest === version)
  )
  const [first] = found
  if (first === undefined) return refusal(404, 'MANIFEST_UNKNOWN')
  if (method === 'HEAD') return { status: 200, headers: { 'docker-content-digest': first[1] } }
  if (method === 'GET') return { status: 200, body: { config: { digest: CONFIGURATION } } }
  if (method !== 'DELETE') return refusal(405, 'UNSUPPORTED')
  for (const [key] of found) images.delete(key)
  return { status: 202 }
}
