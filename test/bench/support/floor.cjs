// Runs in the runner pod: creates bare pods one after the other and says how long each took from create to `ended`, or to
// `up` (the argument), seen by tight polling. Input: a JSON array of pods. Output: one JSON array of milliseconds.
const { readFileSync } = require('node:fs')
const { Agent, request } = require('node:https')

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const POLL_MS = 20
const POLLS_MAX = 10_000
const [token, namespace] = ['token', 'namespace'].map((name) => readFileSync(`${ACCOUNT}/${name}`, 'utf8'))
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
const agent = new Agent({ keepAlive: true, ca: readFileSync(`${ACCOUNT}/ca.crt`) })

function call(method, path, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const url = `https://${host}:${port}/api/v1/namespaces/${namespace}/pods${path}`
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, async (response) => {
      const chunks = []
      for await (const chunk of response) chunks.push(chunk)
      const text = Buffer.concat(chunks).toString('utf8')
      if (response.statusCode < 300 || response.statusCode === 404)
        resolve({ found: response.statusCode !== 404, ...JSON.parse(text) })
      else reject(new Error(text))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function poll(name, isDone) {
  for (let polls = 0; polls < POLLS_MAX; polls += 1) {
    const pod = await call('GET', `/${name}`)
    if (isDone(pod)) return pod
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`pod ${name} did not get there`)
}

const every = (state) => (pod) => {
  const containers = pod.status?.containerStatuses ?? []
  return containers.length > 0 && containers.every((container) => container.state[state] !== undefined)
}
const isDone = { ended: every('terminated'), up: every('running') }[process.argv[2]]

async function main() {
  const times = []
  for (const pod of JSON.parse(readFileSync(0, 'utf8'))) {
    const { name } = pod.metadata
    const startedAt = performance.now()
    await call('POST', '', pod)
    const { status } = await poll(name, isDone)
    times.push(performance.now() - startedAt)
    const failed = status.containerStatuses.find(({ state }) => (state.terminated?.exitCode ?? 0) !== 0)
    if (failed !== undefined) throw new Error(`pod ${name}: ${JSON.stringify(failed)}`)
    await call('DELETE', `/${name}?gracePeriodSeconds=0`)
    await poll(name, ({ found }) => !found)
  }
  console.log(JSON.stringify(times))
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
