// A TCP proxy in front of the API server that drops connections; run in the runner pod by support/proxy.ts.
// Usage: node cutting-proxy.cjs PORT. Orders are lines on stdin:
//   cut                                 drops every connection now
//   down MS                             drops all and refuses new ones for MS
//   every SEED OPEN_MIN OPEN_MAX MS     goes down for MS again and again, after OPEN_MIN to OPEN_MAX ms in between; drawn by SEED
//   after up|down BYTES                 drops a connection once, in the middle of a chunk, when it has passed BYTES on to
//                                       (up) or from (down) the server
//   calm                                no more of all that
// Prints `listening`, `cut N` with the number dropped, and `did ORDER` once an order holds.
const { connect, createServer } = require('node:net')
const { createInterface } = require('node:readline')

const target = { host: process.env.KUBERNETES_SERVICE_HOST, port: Number(process.env.KUBERNETES_SERVICE_PORT) }
const connections = new Set()
let isOpen = true
let timer
/** Where single connections are cut: bytes left by direction; each entry is used once. */
let limits = []

createServer((client) => {
  if (!isOpen) {
    client.destroy()
    return
  }
  const server = connect(target)
  const connection = { client, server, passed: { up: 0, down: 0 } }
  connections.add(connection)
  for (const [from, to, direction] of [
    [client, server, 'up'],
    [server, client, 'down']
  ]) {
    from.on('error', () => {})
    from.on('close', () => {
      connections.delete(connection)
      to.destroy()
    })
    from.on('data', (chunk) => {
      const room = roomFor(connection, direction, chunk.length)
      if (to.write(chunk.subarray(0, room)) === false) {
        from.pause()
        to.once('drain', () => from.resume())
      }
      connection.passed[direction] += chunk.length
      // What was passed on arrives before the end does.
      if (room < chunk.length) to.end(() => drop([connection]))
    })
  }
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'))

/** How much of a chunk may pass before a limit is met. */
function roomFor({ passed }, direction, length) {
  const found = limits.find((limit) => limit.direction === direction && passed[direction] + length > limit.bytes)
  if (found === undefined) return length
  limits = limits.filter((limit) => limit !== found)
  return Math.max(0, found.bytes - passed[direction])
}

function drop(some) {
  if (some.length > 0) console.log(`cut ${some.length}`)
  for (const { client, server } of some) {
    client.resetAndDestroy()
    server.resetAndDestroy()
  }
}

function down(ms, then) {
  isOpen = false
  drop([...connections])
  timer = setTimeout(() => {
    isOpen = true
    then?.()
  }, ms)
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const ORDERS = {
  cut: () => drop([...connections]),
  down: (ms) => down(Number(ms)),
  every(...numbers) {
    const [seed, openMin, openMax, ms] = numbers.map(Number)
    const draw = random(seed)
    const next = () => {
      timer = setTimeout(() => down(ms, next), openMin + draw() * (openMax - openMin))
    }
    next()
  },
  after(direction, bytes) {
    limits.push({ direction, bytes: Number(bytes) })
  },
  calm() {
    clearTimeout(timer)
    isOpen = true
    limits = []
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [order, ...words] = line.split(' ')
    ORDERS[order](...words)
    console.log(`did ${line}`)
  })
  // Whoever gave the orders is gone.
  .on('close', () => process.exit())
