/** What a process of an action sees of itself, for the comparison of two ways to start it; and the files that it is looked at with. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StepRequest } from '../../../src/machines/types.ts'
import { GITHUB_MOUNTS, mountsBelow, request } from '../../contract/backend.ts'

/** In the workspace, as the action sees it. */
const WORKSPACE = '/github/workspace'
export const BUSYBOX = `${WORKSPACE}/busybox`
const PROBE = `${WORKSPACE}/probe`
/** The probe stays until it is there. */
export const SEEN = `${WORKSPACE}/seen`
const WAIT_SECONDS_MAX = 60

/** Numbers of pipes and sockets say nothing. */
const SCRIPT = `busybox=${BUSYBOX}
say() { printf 'seen %s ' "$1"; "$busybox" base64 -w0; echo; }
own=/proc/$$
"$busybox" cat "$own/environ" | say environment
"$busybox" cat "$own/cmdline" | say command
"$busybox" grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Umask|SigBlk)' "$own/status" | say rights
"$busybox" readlink "$own/cwd" | say directory
for fd in 0 1 2; do
  "$busybox" readlink "$own/fd/$fd"
done | "$busybox" sed 's/[0-9][0-9]*//g' | say files
"$busybox" cut -d ' ' -f 1,4-8 "$own/stat" | say process
"$busybox" cat "$own/limits" | say limits
"$busybox" cut -d ' ' -f 5 "$own/mountinfo" | "$busybox" sort | say mounts
"$busybox" cat /proc/sys/kernel/hostname | say hostname
turn=0
while [ ! -e ${SEEN} ] && [ "$turn" -lt ${WAIT_SECONDS_MAX * 10} ]; do
  "$busybox" sleep 0.1
  turn=$((turn + 1))
done
`

/** Values that a way to hand over an environment may get wrong. */
const ENVIRONMENT = {
  GITHUB_ACTIONS: 'true',
  GITHUB_WORKSPACE: WORKSPACE,
  GITHUB_OUTPUT: '/github/file_commands/output',
  HOME: '/github/home',
  INPUT_WORDS: 'two "words" $HOME `id`\nand a line',
  'INPUT_WHO-TO-GREET': 'Mona'
}

/** A step in `directory`, which is made; with `busybox` one whose program is the probe, with `waits` one that waits to be looked at. */
export async function stepIn(directory: string, busybox?: Uint8Array, waits = false): Promise<StepRequest> {
  for (const name of GITHUB_MOUNTS) {
    await mkdir(join(directory, name), { recursive: true })
    // Whatever mask this process has; the runner makes them so for actions of any user.
    await chmod(join(directory, name), 0o777)
  }
  const step = { env: ENVIRONMENT, workingDirectory: WORKSPACE, mounts: mountsBelow(directory) }
  if (busybox === undefined) return request({ ...step, args: [] })
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    ['busybox', busybox],
    ['probe', SCRIPT],
    ...(waits ? [] : [['seen', ''] as const])
  ]
  for (const [name, data] of files) {
    await writeFile(join(directory, 'workspace', name), data)
    await chmod(join(directory, 'workspace', name), 0o755)
  }
  return request({ ...step, entryPoint: BUSYBOX, args: ['sh', PROBE, 'two words', ''] })
}

const LINE = /^seen (\w+) (\S*)$/gm

/** One line for each thing that the process has told of itself. */
export function toldIn(log: string): readonly string[] {
  return [...log.matchAll(LINE)].flatMap(([, what = '', text = '']) =>
    Buffer.from(text, 'base64')
      .toString('utf8')
      .split(what === 'environment' || what === 'command' ? '\0' : '\n')
      .filter((line) => line !== '')
      .map((line) => `${what}: ${line}`)
      .sort()
  )
}
