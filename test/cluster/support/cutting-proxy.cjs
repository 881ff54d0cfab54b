// A TCP proxy in front of the API server that drops every connection again and again; run in the runner pod.
// Usage: node cutting-proxy.cjs PORT OPEN_MS CLOSED_MS: passes connections on for OPEN_MS, then drops all of them and
// refuses new ones for CLOSED_MS, for ever. Prints `listening`, and `cut N` with the number dropped whenever there were any.
const { connect, createServer } = require('node:net')

const [port, openMs, closedMs] = process.argv.slice(2).map(Number)
const target = { host: process.env.KUBERNETES_SERVICE_HOST, port: Number(process.env.KUBERNETES_SERVICE_PORT) }
const sockets = new Set()
let isOpen = true

createServer((client) => {
  if (!isOpen) {
    client.destroy()
    return
  }
  const server = connect(target)
  for (const [socket, other] of [
    [client, server],
    [server, client]
  ]) {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
    socket.pipe(other)
  }
}).listen(port, '127.0.0.1', () => console.log('listening'))

function drop() {
  isOpen = false
  if (sockets.size > 0) console.log(`cut ${sockets.size / 2}`)
  for (const socket of sockets) socket.resetAndDestroy()
  setTimeout(() => {
    isOpen = true
    setTimeout(drop, openMs)
  }, closedMs)
}
setTimeout(drop, openMs)
