/** How the simulated API server answers for a container's log: followed or not, from a second on, cut where a fault says so. */
import type { ServerResponse } from 'node:http'
import { isSince, timestamp } from './pod-log.ts'
import type { Trouble } from './story.ts'
import type { World } from './world.ts'

export function serveLog(world: World, url: URL, response: ServerResponse, trouble: Trouble | undefined): void {
  const query = url.searchParams
  const name = url.pathname.split('/').at(-2) ?? ''
  const life = world.pods.get(name)
  const log = life?.logs.get(query.get('container') ?? '')
  if (life === undefined || log === undefined) {
    const [status, message] = life === undefined ? [404, 'not found'] : [400, 'container is waiting to start']
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kind: 'Status', code: status, message }))
    return
  }
  const isFollowed = query.get('follow') === 'true'
  const hasTimestamps = query.get('timestamps') === 'true'
  const sinceTime = query.get('sinceTime')
  let left = trouble?.does === 'cut' || trouble?.does === 'silent' ? trouble.afterBytes : Number.POSITIVE_INFINITY
  let sent = 0
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.flushHeaders()
  const cut = () => trouble?.does === 'cut' && response.socket?.destroy()
  const write = (bytes: Buffer) => {
    const part = bytes.subarray(0, left)
    left -= part.length
    response.write(part, left > 0 ? () => {} : cut)
  }
  const pass = () => {
    for (; sent < log.lines.length && left > 0; sent += 1) {
      const line = log.lines[sent]
      if (line === undefined || !isSince(line, sinceTime)) continue
      write(Buffer.from(`${hasTimestamps ? `${timestamp(line.atMs)} ` : ''}${line.text}\n`))
    }
    if (left > 0 && (!isFollowed || log.hasEnded)) response.end()
  }
  const stop = isFollowed ? log.watch(pass) : () => {}
  response.on('close', stop)
  if (left === 0) cut()
  else pass()
}
