// A small client of container registries, run by node inside a pod: prints what it found as one line of JSON.
//   copy FROM TO REPOSITORY TAG     an image, from one registry to another
//   push HOST REPOSITORY BYTES      an image with one random layer of this size, tagged `1`
//   delete HOST REPOSITORY DIGEST   a manifest
//   status METHOD URL               of one request
//   watch URL FILE                  asks again and again until FILE is there
const { createHash, randomBytes } = require('node:crypto')
const { existsSync } = require('node:fs')

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const ACCEPT = { accept: `${MANIFEST}, application/vnd.docker.distribution.manifest.v2+json` }
const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

async function ask(method, url, options = {}) {
  const answer = await fetch(url, { method, ...options })
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`)
  return answer
}

const bytesOf = async (answer) => Buffer.from(await answer.arrayBuffer())

async function pushBlob(host, repository, bytes) {
  const digest = digestOf(bytes)
  const started = await ask('POST', `http://${host}/v2/${repository}/blobs/uploads/`)
  const url = new URL(started.headers.get('location'), `http://${host}`)
  url.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  await ask('PUT', url, { body: bytes, headers })
  return { digest, size: bytes.length }
}

async function pushManifest(host, repository, tag, type, bytes) {
  await ask('PUT', `http://${host}/v2/${repository}/manifests/${tag}`, {
    body: bytes,
    headers: { 'content-type': type }
  })
  return digestOf(bytes)
}

const commands = {
  async copy(from, to, repository, tag) {
    const answer = await ask('GET', `http://${from}/v2/${repository}/manifests/${tag}`, { headers: ACCEPT })
    const manifest = await bytesOf(answer)
    const { config, layers } = JSON.parse(manifest)
    for (const { digest } of [config, ...layers]) {
      const blob = await ask('GET', `http://${from}/v2/${repository}/blobs/${digest}`)
      await pushBlob(to, repository, await bytesOf(blob))
    }
    return await pushManifest(to, repository, tag, answer.headers.get('content-type'), manifest)
  },
  async push(host, repository, bytes) {
    const layer = await pushBlob(host, repository, randomBytes(Number(bytes)))
    const config = await pushBlob(host, repository, Buffer.from(JSON.stringify({ of: repository })))
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }]
    }
    const digest = await pushManifest(host, repository, '1', MANIFEST, Buffer.from(JSON.stringify(manifest)))
    return { digest, layer: layer.digest }
  },
  async delete(host, repository, digest) {
    return (await ask('DELETE', `http://${host}/v2/${repository}/manifests/${digest}`)).status
  },
  async status(method, url) {
    return (await fetch(url, { method, headers: ACCEPT })).status
  },
  async watch(url, file) {
    let asked = 0
    const failures = []
    while (!existsSync(file)) {
      asked += 1
      await ask('GET', url, { headers: { ...ACCEPT, connection: 'close' } }).catch(({ message }) =>
        failures.push(message)
      )
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return { asked, failures }
  }
}

const [command, ...args] = process.argv.slice(2)
commands[command](...args).then(
  (found) => console.log(JSON.stringify(found)),
  (error) => {
    console.error(error)
    process.exitCode = 1
  }
)
