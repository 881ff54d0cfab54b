/**
 * The script that builds an image in a container and becomes the action there, for the pod that does, and what the scripts beside it share.
 *
 * POSIX sh, run by the builder's busybox and with its programs only, by their full paths: the PATH may lead into the built image.
 * They decide nothing; what is started, and as whom, is the text that startScript makes.
 */
import { quote } from '../shell-words.ts'

/** Where things are in the container. The tests have them elsewhere. */
export interface Places {
  /** Directory of ours that the builder leaves alone; with `built`, `order`, `start` and `started`. */
  readonly directory: string
  /** Directory of the shell and its programs. */
  readonly busybox: string
  /** Directory of the builder, which ends with the build as busybox does. */
  readonly builder: string
  /** Before the paths of the root: empty. */
  readonly root: string
  /** Directory with what the kernel tells of processes. */
  readonly proc: string
}

export const PLACES: Places = {
  directory: '/kaniko/slipway',
  busybox: '/busybox',
  builder: '/kaniko',
  root: '',
  proc: '/proc'
}

interface SuperviseOptions {
  /** What no RUN prints by chance: whoever wants to know it, reads it in PID 1's command line. Digits and letters. */
  readonly marker: string
  /** How long what was built waits for its `start`. */
  readonly waitSeconds: number
}

/** How often scripts look again. */
export const LOOKS_PER_SECOND = 20

/** What every script begins with: its variables. */
export const settings = (places: Places, others: Readonly<Record<string, string>> = {}): string =>
  Object.entries({ ...places, ...others })
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join('')

/*
 * The builder's image has /bin/sh, /etc/nsswitch.conf and /workspace. What is mounted cannot be removed, and says so unheard.
 *
 * Marker: a RUN may leave a line without its end, so that it has to begin a line.
 *
 * While it waits it starts no program, which would cost each pod that stands some of its processor: busybox's shell reads with a time,
 * and is woken by the pipe. A shell that cannot says so by another status than 1.
 */
const SUPERVISE = `cd /
[ "$("$busybox/readlink" "$root/bin/sh")" != "$busybox/sh" ] || "$busybox/rm" -f "$root/bin/sh"
"$busybox/rm" -f "$root/etc/nsswitch.conf" 2>/dev/null
"$busybox/rmdir" "$root"/* 2>/dev/null
trap 'exit 143' TERM
"$@" || exit
[ "$$" != 1 ] || kill -9 -1 2>/dev/null
"$busybox/mkdir" -p "$directory"
"$busybox/rm" -rf "$directory/start" "$directory/started" "$directory/built" "$directory/order"
pause() { "$busybox/sleep" ${1 / LOOKS_PER_SECOND}; }
if "$busybox/mkfifo" "$directory/order" 2>/dev/null; then
  exec 9<>"$directory/order"
  pause() { read -r -t ${1 / LOOKS_PER_SECOND} _ <&9 2>/dev/null || [ $? -eq 1 ] || "$busybox/sleep" ${1 / LOOKS_PER_SECOND}; }
fi
"$busybox/date" -u +%Y-%m-%dT%H:%M:%SZ >"$directory/built" || exit
printf '\\n%s\\n' "$marker"
printf '\\n%s\\n' "$marker" >&2
turn=0
while [ ! -f "$directory/start" ]; do
  if [ "$turn" -ge "$turns" ]; then
    echo "slipway: what was built was not started within $seconds seconds" >&2
    exit 1
  fi
  pause
  turn=$((turn + 1))
done
exec 9<&-
exec "$busybox/env" -i "$busybox/sh" "$directory/start"
`

/**
 * For `sh -c SCRIPT sh EXECUTOR ARGUMENT...` as the container's command: builds, says so by a line of its own on stdout and on
 * stderr, which is `marker`, and becomes what `start` says. Exits as the executor did when that fails.
 */
export function superviseScript({ marker, waitSeconds }: SuperviseOptions, places: Places = PLACES): string {
  const turns = String(Math.ceil(waitSeconds * LOOKS_PER_SECOND))
  return settings(places, { marker, seconds: String(waitSeconds), turns }) + SUPERVISE
}

/** What su's shell runs; the script that hands over knows PID 1 by it. The rest of the words are its program. */
export const BECOMING = 'exec "$0" "$@" # slipway'
