/**
 * A connection to a container in which something was built, for whoever hands a step over to it: the container tells what it has built, and
 * waits for what to start. It may be opened before it is needed, because that takes a tenth of a second.
 */
import { Readable, Writable } from 'node:stream'
import { handOverScript } from '../../in-place/hand-over-script.ts'
import { BUILT_BYTES_MAX, lengthOfBuilt } from '../../in-place/read-built.ts'
import { PLACES } from '../../in-place/scripts.ts'
import type { ExecResult } from '../api/exec.ts'
import type { Site } from '../context/site.ts'
import { execIn } from '../files/reach.ts'
import { STEP_CONTAINER } from '../specs/step-pod.ts'

export const SHELL = `${PLACES.busybox}/sh`
/** More than a time has. */
const SAID_BYTES_MAX = 100

export interface Telling {
  /** What was built, as it was told. */
  readonly root: Promise<Buffer>
  /** What has come after that. */
  said(): string
  /** Types what this resolves with; nothing, and no more ever, where that is nothing. */
  type(script: Promise<string | undefined>): void
  /** Rejects as `execIn` does. */
  readonly answer: Promise<ExecResult>
  close(reason: unknown): void
}

export function openTelling(site: Site, pod: string): Telling {
  const { stdout, root, said } = listen()
  const closing = new AbortController()
  let type: Telling['type'] = () => {}
  const given = new Promise<string | undefined>((resolve) => {
    type = (script) => resolve(script.catch(() => undefined))
  })
  async function* typed() {
    const script = await given
    if (script) yield Buffer.from(`${Buffer.byteLength(script)}\n${script}`)
  }
  const request = { command: [SHELL, '-ec', handOverScript()], stdin: Readable.from(typed()), stdout }
  const answer = execIn(site, { pod, container: STEP_CONTAINER }, request, closing.signal)
  // Whoever needs it hears of it.
  answer.catch(() => {})
  return { root, said, type, answer, close: (reason) => closing.abort(reason) }
}

/** Of what a container says, which a build may have made say anything: what was built, and what comes after it. */
function listen(): { readonly stdout: Writable; readonly root: Promise<Buffer>; said(): string } {
  const chunks: Buffer[] = []
  let bytes = 0
  let length: number | undefined
  let tellRoot = () => {}
  const root = new Promise<Buffer>((resolve) => {
    tellRoot = () => resolve(Buffer.concat(chunks).subarray(0, length))
  })
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (bytes < BUILT_BYTES_MAX + SAID_BYTES_MAX) chunks.push(chunk)
      bytes += chunk.length
      length ??= lengthOfBuilt(Buffer.concat(chunks))
      if (length !== undefined && bytes >= length) tellRoot()
      done()
    },
    final(done) {
      tellRoot()
      done()
    }
  })
  const said = () => {
    const after = length ?? bytes
    return Buffer.concat(chunks).toString('latin1', after, after + SAID_BYTES_MAX)
  }
  return { stdout, root, said }
}
