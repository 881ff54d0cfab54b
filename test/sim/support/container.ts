/**
 * A container on this machine, for simulated pods: the machine's own programs in namespaces of their own, with a pod's volumes where
 * its spec mounts them. What the product runs by exec then runs in a real shell, on real files.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { Processes } from './processes.ts'

export interface Bind {
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

export interface ContainerOptions {
  /** An empty directory on this machine that becomes the container's `/`. */
  readonly root: string
  readonly binds: readonly Bind[]
  /** Name that no other container has. */
  readonly id: string
  /** In /etc/os-release. */
  readonly distribution: string
  readonly env: Readonly<Record<string, string>>
  readonly workingDirectory: string
}

/** A program that runs in a container. */
export interface Program {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Its exit code, once nothing more will come from it. */
  readonly ended: Promise<number>
}

export interface Container {
  run(command: readonly string[]): Program
  /** Kills everything in it. */
  end(): void
}

const isRoot = process.getuid?.() === 0
/** A user who is not root is root of nothing but namespaces of its own, and keeps its name, so that files keep their owner. */
const NAMESPACES = [...(isRoot ? [] : ['--user', '--map-current-user', '--keep-caps']), '--mount', '--pid', '--fork']
const ENTERED = ['--mount', '--pid', '--root', '--wd', ...(isRoot ? [] : ['--user', '--preserve-credentials'])]

/** `$1` is the root, `$2` the id, `$3` the distribution; then source, target and mode of each mount. */
const SET_UP = `
set -e
root=$1 id=$2 distribution=$3; shift 3
# Of the process table that is seen from outside.
read -r pid rest </proc/self/stat
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
for name in usr bin sbin lib lib64 lib32 libx32; do
  if [ -L /$name ]; then cp -P /$name $name; elif [ -d /$name ]; then mkdir $name; mount --rbind /$name $name; fi
done
mkdir -p dev proc tmp etc home/runner/externals/node20/bin
chmod 1777 tmp
echo node >home/runner/externals/node20/bin/node
echo "$id" >.container
printf 'NAME=simulated\\nID=%s\\n' "$distribution" >etc/os-release
echo 'nameserver 10.96.0.10' >etc/resolv.conf
for name in passwd group ld.so.cache; do [ ! -e /etc/$name ] || cp /etc/$name etc; done
mount --rbind /dev dev
mount -t proc proc proc
while [ $# -gt 0 ]; do
  mkdir -p "./$2"
  mount --bind "$1" "./$2"
  [ "$3" = rw ] || mount -o remount,bind,ro "./$2"
  shift 3
done
mount --bind .clock/sleep usr/bin/sleep
# Ends, and everything in here with it, when the simulator does.
exec chroot . sh -c 'echo "$0"; read -r line' "$pid"
`

/** \`$0\` is the working directory. Says by descriptor 3 that it is inside. */
const ENTER = 'echo >&3; exec 3>&-; cd "$0" || exit 1; exec "$@"'

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 }

/** Why there can be no containers here; undefined when there can. */
export function whyNoContainers(): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux'
  const words = ['sh', '-c', 'mount -t tmpfs tmpfs /mnt && mount -t proc proc /mnt']
  const { status, error, stderr } = spawnSync('unshare', [...NAMESPACES, ...words], { encoding: 'utf8' })
  if (error !== undefined) return error.message
  return status === 0 ? undefined : `this user may make no namespaces: ${stderr.trim()}`
}

export async function startContainer(processes: Processes, options: ContainerOptions): Promise<Container> {
  const { root, id, distribution, binds } = options
  mkdirSync(root, { recursive: true })
  const mounts = binds
    .toSorted((one, other) => one.target.length - other.target.length)
    .flatMap(({ source, target, readOnly }) => [source, target, readOnly ? 'ro' : 'rw'])
  const first = spawn(
    'unshare',
    [...NAMESPACES, '--kill-child', 'sh', '-c', SET_UP, 'sh', root, id, distribution, ...mounts],
    {
      stdio: ['pipe', 'pipe', 'pipe']
    }
  )
  const left = processes.enter(first)
  let said = ''
  let complaint = ''
  first.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const pid = await new Promise<number>((resolve, reject) => {
    first.stdout.on('data', (chunk) => {
      said += chunk
      if (said.endsWith('\n')) resolve(Number(said))
    })
    first.once('close', () => reject(new Error(`no container: ${complaint}`)))
    first.once('error', reject)
  })
  left()
  const forget = processes.add(pid)
  return {
    run: (command) => runIn(processes, pid, options, command),
    end() {
      forget()
      first.kill('SIGKILL')
      first.stdin.destroy()
    }
  }
}

function runIn(
  processes: Processes,
  pid: number,
  { env, workingDirectory }: ContainerOptions,
  command: readonly string[]
): Program {
  const enter = [...ENTERED, '--target', String(pid), 'sh', '-c', ENTER, workingDirectory, ...command]
  const child = spawn('nsenter', enter, {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env }
  })
  const entered = processes.enter(child)
  const door = child.stdio[3] as Readable
  door.once('data', entered)
  door.once('error', entered)
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {})
  for (const stream of [child.stdout, child.stderr]) stream.on('data', () => processes.touch())
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code, signal) => {
      entered()
      resolve(code ?? 128 + (SIGNALS[signal ?? ''] ?? 0))
    })
    child.once('error', () => resolve(255))
  })
  return { stdin: touching(processes, child), stdout: child.stdout, stderr: child.stderr, ended }
}

/** What is written to a program makes it move. */
function touching(processes: Processes, { stdin }: ChildProcess): Writable {
  const stream = stdin as Writable
  const { write, end } = stream
  stream.write = ((...args: Parameters<Writable['write']>) => {
    processes.touch()
    return write.apply(stream, args)
  }) as Writable['write']
  stream.end = ((...args: Parameters<Writable['end']>) => {
    processes.touch()
    return end.apply(stream, args)
  }) as Writable['end']
  return stream
}
