// Another job that reaches the registry: puts an image of its own under every tag of a repository.
// Usage: node -e PROGRAM HOST REPOSITORY BASE WORDS, where BASE is a repository with the tag 1, and WORDS is what the image prints.
const { createHash } = require('node:crypto')

const [host, repository, base, words] = process.argv.slice(-4)
const TYPES = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'

async function ask(method, path, options = {}) {
  const answer = await fetch(new URL(path, `http://${host}`), { method, ...options })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return answer
}

async function main() {
  const found = await ask('GET', `/v2/${base}/manifests/1`, { headers: { accept: TYPES } })
  const manifest = await found.json()
  const image = await (await ask('GET', `/v2/${base}/blobs/${manifest.config.digest}`)).json()
  const config = Buffer.from(JSON.stringify({ ...image, config: { ...image.config, Entrypoint: ['echo', words] } }))
  const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`
  for (const layer of manifest.layers) {
    await ask('POST', `/v2/${repository}/blobs/uploads/?mount=${layer.digest}&from=${base}`)
  }
  const upload = new URL(
    (await ask('POST', `/v2/${repository}/blobs/uploads/`)).headers.get('location'),
    `http://${host}`
  )
  upload.searchParams.set('digest', digest)
  await ask('PUT', upload, { body: config, headers: { 'content-type': 'application/octet-stream' } })
  const body = JSON.stringify({ ...manifest, config: { ...manifest.config, digest, size: config.length } })
  const { tags } = await (await ask('GET', `/v2/${repository}/tags/list`)).json()
  for (const tag of tags) {
    await ask('PUT', `/v2/${repository}/manifests/${tag}`, {
      body,
      headers: { 'content-type': found.headers.get('content-type') }
    })
  }
  console.log(`replaced ${tags.length}`)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
