// Stands in for whatever it is taken for, and says what it was sent: a name server that leads every name to this pod, and a registry
// in plain HTTP that asks for a password and takes everything. Run in a pod by support/stand-in.ts.
// Usage: node -e PROGRAM PORT, with ADDRESS (of the pod) and NEEDLE (what to look for in what is sent) in the environment.
// Prints one line of JSON for each request.
const { createSocket } = require('node:dgram')
const { createServer } = require('node:http')

const { ADDRESS, NEEDLE } = process.env
const PORT = Number(process.argv.at(-1))
const TYPE_A = 1

/** Bytes of the question: labels until an empty one, then type and class (RFC 1035, 4.1.2). */
function questionEnd(message) {
  let at = 12
  while (message[at] !== 0) at += message[at] + 1
  return at + 5
}

const names = createSocket('udp4')
names.on('message', (message, from) => {
  const end = questionEnd(message)
  const isAddress = message.readUInt16BE(end - 4) === TYPE_A
  const header = Buffer.from(message.subarray(0, 12))
  header.writeUInt16BE(0x8580, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(isAddress ? 1 : 0, 6)
  header.writeUInt32BE(0, 8)
  // A pointer to the question's name, A, IN, one second, four bytes.
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...ADDRESS.split('.').map(Number)])
  names.send(
    Buffer.concat([header, message.subarray(12, end), ...(isAddress ? [record] : [])]),
    from.port,
    from.address
  )
})
names.bind(53)

async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function answerOf({ method, url, headers }) {
  if (headers.authorization === undefined) return [401, { 'www-authenticate': 'Basic realm="stand-in"' }]
  if (method === 'POST') return [202, { location: `${url}1` }]
  if (method === 'PATCH') return [202, { location: url }]
  if (method === 'PUT') return [201, {}]
  return [url === '/v2/' ? 200 : 404, {}]
}

createServer(async (request, response) => {
  const { method, url, headers } = request
  const body = await bodyOf(request)
  const { authorization } = headers
  console.log(JSON.stringify({ method, url, authorization, bytes: body.length, hasNeedle: body.includes(NEEDLE) }))
  response.writeHead(...answerOf(request)).end()
}).listen(PORT)
