/** Where the archives come from that fill a pod's work volume in copy mode: the runner's own disk, or a container. */

import { PassThrough, Readable, Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StepError } from '../../../errors.ts'
import { tooLarge } from '../../archive/limits.ts'
import { END, headerOf, paddingOf } from '../../archive/member.ts'
import { COMPLETE_MEMBER, type PackRequest, pack } from '../../archive/pack.ts'
import { ExecRefused, type ExecResult, isExecForbidden } from '../api/exec.ts'
import type { Site } from '../context/site.ts'
import { BYTEWISE, WORK_ROOT } from './containers.ts'
import { execIn } from './reach.ts'

/** A tar stream, and when everything has been put into it without a failure. */
interface Archive {
  readonly stream: Readable
  readonly done: Promise<unknown>
}

/** Where files come from; makes the archive anew for every attempt, with an empty last member of the given name. */
export type Source = (completeMember: string, signal: AbortSignal) => Archive

/** The empty last member of one archive among several. */
export const completeMember = (index: number): string => `${COMPLETE_MEMBER}-${index}`

/** Paths of the runner's own disk, relative to a directory there. */
export function fromRunner(request: Omit<PackRequest, 'completeMember'>): Source {
  return (completeMember) => ({ stream: pack({ ...request, completeMember }), done: Promise.resolve() })
}

/** One file that is on no disk, which root alone may read; the directories on its way are made. */
export function fromMemory(path: string, content: Buffer): Source {
  return (completeMember) => {
    const file = headerOf({ path, type: 'file', mode: 0o600, size: content.length })
    const last = headerOf({ path: completeMember, type: 'file', mode: 0o600 })
    const archive = Buffer.concat([file, content, paddingOf(content.length), last, END])
    return { stream: Readable.from([archive]), done: Promise.resolve() }
  }
}

/** A file in the work volume of the job pod that is as old as what the step of that pod has read there. */
export const readMark = (pod: string): string => `.read-${pod}`

/** The output of a command in a running container that writes an archive with the given last member. */
export function fromContainer(
  site: Site,
  pod: string,
  container: string,
  command: (completeMember: string) => readonly string[],
  failed: (result: ExecResult) => Error = ({ stderr }) => notRead(pod, stderr)
): Source {
  return (completeMember, signal) => {
    const stream = new PassThrough()
    const stdout = new PassThrough()
    // Without its error: only `done` knows what that means.
    stdout.pipe(stream).on('close', () => stdout.destroy())
    const request = { command: command(completeMember), stdout }
    const done = execIn(site, { pod, container }, request, signal).then(
      (result) => {
        if (result.exitCode !== 0) throw failed(result)
      },
      (error: unknown) => {
        throw error instanceof ExecRefused && !isExecForbidden(error) ? notReached(pod, error) : error
      }
    )
    // The stream must fail too, or its reader would take the end for the end of the archive.
    done.catch((error: Error) => stream.destroy(error))
    return { stream, done }
  }
}

/**
 * Holes stay holes and second names second names, so that what takes no room on one disk takes none on another; times keep their
 * fractions of a second.
 */
export const TAR_CREATE = 'tar --create --file=- --sparse --format=posix --pax-option=delete=atime,delete=ctime'

/**
 * Devices below the given paths as patterns for tar to leave out: no container of ours may make one, and a tar that sends one fails where it is
 * received. What ends a line, or is cut off at its end, is any character.
 */
const DEVICES = `find "$@" \\( -type b -o -type c \\) -print0 2>/dev/null | sed -z 's/[][*?\\\\]/\\\\&/g; s/[[:space:]]/?/g' | tr '\\0' '\\n'`

/** Passes on at most so many bytes, for where nobody looks at the archive itself; the stream fails at the first byte too many. */
export function atMost(bytesMax: number): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(bytes > bytesMax ? tooLarge(bytesMax) : null, chunk)
    }
  })
}

/** Of a container that runs: it may be reached the next time. Not as it came, which would say it of who receives the files. */
const notReached = (pod: string, cause: ExecRefused) =>
  new StepError('cluster-unreachable', `could not read files of pod ${pod}: ${cause.message}`, { cause })

const notRead = (pod: string, stderr: string) =>
  new StepError('workspace-delivery-failed', `could not read files of pod ${pod}: ${stderr}`)

/**
 * Packs paths of the work volume, without some of what is below them; missing ones are made. Exit code 1 is GNU tar's for files that
 * changed while they were read, as those of a service or a background program do: each is whole in the archive, as it was at that moment.
 * `mark` is made before anything is read.
 */
export function packPaths(
  paths: readonly string[],
  excluded: readonly string[],
  { completeMember = COMPLETE_MEMBER, mark }: { readonly completeMember?: string; readonly mark?: string } = {}
): readonly string[] {
  const script = [
    BYTEWISE,
    `cd ${WORK_ROOT}`,
    'mkdir -p "$@"',
    ...[completeMember, ...(mark === undefined ? [] : [mark])].map((name) => `: > ${name}`),
    `{ ${DEVICES}; } | ${TAR_CREATE} --anchored ${excluded.map((path) => `--exclude=${path}`).join(' ')} --exclude-from=- "$@" ${completeMember} || [ $? -eq 1 ]`
  ].join(' && ')
  return ['sh', '-c', script, 'pack', ...paths]
}

/** Archives that are being read while the container that receives them is still on its way. */
export interface Outbox {
  /** `spoilt`: something could not be read. `taken`: it was emptied, or at least begun to. */
  state(): 'whole' | 'spoilt' | 'taken'
  /** Writes everything to the stream, once. */
  empty(to: Writable): Promise<void>
  close(): void
}

export function openAll(sources: readonly Source[], signal: AbortSignal): Outbox {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const archives = sources.map((source, index) => source(completeMember(index), either))
  let state: ReturnType<Outbox['state']> = 'whole'
  const spoil = () => {
    if (state === 'whole') state = 'spoilt'
  }
  for (const { stream, done } of archives) {
    stream.on('error', spoil)
    done.catch(spoil)
  }
  return {
    state: () => state,
    async empty(to) {
      state = 'taken'
      for (const { stream, done } of archives) await Promise.all([pipeline(stream, to, { end: false }), done])
    },
    close() {
      stop.abort()
      for (const { stream } of archives) stream.destroy()
    }
  }
}
