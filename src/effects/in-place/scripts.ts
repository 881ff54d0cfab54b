/**
 * The scripts that build an image in a container and start the action there, for the pod that does and for the exec that hands over.
 *
 * POSIX sh, run by the builder's busybox and with its programs only, by their full paths: the PATH may lead into the built image.
 * They decide nothing; what is started, and as whom, is the text that startScript makes.
 */
import { quote } from '../shell-words.ts'

/** Where things are in the container. The tests have them elsewhere. */
export interface Places {
  /** Directory of ours that the builder leaves alone; with `built`, `start` and `started`. */
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
const LOOKS_PER_SECOND = 20
/** How long a hand-over waits until the action runs. */
const TAKE_OVER_SECONDS_MAX = 5

/** What every script begins with: its variables. */
export const settings = (places: Places, others: Readonly<Record<string, string>> = {}): string =>
  Object.entries({ ...places, ...others })
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join('')

/*
 * The builder's image has /bin/sh, /etc/nsswitch.conf and /workspace. What is mounted cannot be removed, and says so unheard.
 *
 * Marker: a RUN may leave a line without its end, so that it has to begin a line.
 */
const SUPERVISE = `cd /
[ "$("$busybox/readlink" "$root/bin/sh")" != "$busybox/sh" ] || "$busybox/rm" -f "$root/bin/sh"
"$busybox/rm" -f "$root/etc/nsswitch.conf" 2>/dev/null
"$busybox/rmdir" "$root"/* 2>/dev/null
trap 'exit 143' TERM
"$@" || exit
[ "$$" != 1 ] || kill -9 -1 2>/dev/null
"$busybox/mkdir" -p "$directory"
"$busybox/rm" -rf "$directory/start" "$directory/started" "$directory/built"
"$busybox/date" -u +%Y-%m-%dT%H:%M:%SZ >"$directory/built" || exit
printf '\\n%s\\n' "$marker"
printf '\\n%s\\n' "$marker" >&2
turn=0
while [ ! -f "$directory/start" ]; do
  if [ "$turn" -ge "$turns" ]; then
    echo "slipway: what was built was not started within $seconds seconds" >&2
    exit 1
  fi
  "$busybox/sleep" ${1 / LOOKS_PER_SECOND}
  turn=$((turn + 1))
done
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

/*
 * PID 1 is ours as long as its command line begins with one of our programs: whose executable it is, only a process with more
 * rights may ask once it has become another user. The shell of su calls itself `sh`. Between two programs it has none.
 *
 * The mounts: below them are the files of others, and `rm -rf` would go into them. No path of ours has what mountinfo escapes.
 */
const HAND_OVER = `umask 077
bytes=$1
new=$directory/start.$$
if [ -e "$directory/started" ] || [ ! -e "$directory/built" ]; then
  "$busybox/head" -c "$bytes" >/dev/null
else
  "$busybox/head" -c "$bytes" >"$new"
  if [ "$("$busybox/wc" -c <"$new")" -ne "$bytes" ]; then
    "$busybox/rm" -f "$new"
    echo 'slipway: what to start is cut off' >&2
    exit 1
  fi
  "$busybox/mv" "$new" "$directory/start"
fi
[ ! -e "$directory/built" ] || "$busybox/cat" "$directory/built" || :

nl='
'
is_ours() {
  line=$("$busybox/tr" '\\0' "$nl" <"$proc/1/cmdline") || return 0
  case $line in
    ''|"$busybox"/*|"sh$nl-c$nl$becoming$nl"*) return 0 ;;
  esac
  return 1
}
turn=0
stays=
while is_ours; do
  if [ "$turn" -ge "$turns" ]; then
    [ -e "$directory/started" ] || exit 0
    stays=1
    break
  fi
  "$busybox/sleep" ${1 / LOOKS_PER_SECOND}
  turn=$((turn + 1))
done

mounts=$nl$("$busybox/cut" -d ' ' -f 5 "$proc/self/mountinfo")$nl || exit 0
sweep() {
  case $mounts in
    *"$nl$1/"*)
      for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        case $mounts in
          *"$nl$entry$nl"*) ;;
          *) sweep "$entry" ;;
        esac
      done
      ;;
    *) "$busybox/rm" -rf "$1" || : ;;
  esac
}
{
  sweep "$directory"
  sweep "$builder"
  [ -n "$stays" ] || sweep "$busybox"
} 2>/dev/null
exit 0
`

/** What su's shell runs; handOverScript knows PID 1 by it. The rest of the words are its program. */
export const BECOMING = 'exec "$0" "$@" # slipway'

/**
 * For `sh -ec SCRIPT sh BYTES` as root, by exec, with what startScript made and its size: hands it over, once, however often it is
 * run, waits until the action runs and removes what is left of the builder. Prints, once it has handed over, when the build ended by
 * the node's clock. Afterwards there is mostly no shell any more: that none is found then says that all was handed over. Where the
 * action itself is a program of /busybox, that stays.
 */
export const handOverScript = (places: Places = PLACES): string =>
  settings(places, { becoming: BECOMING, turns: String(TAKE_OVER_SECONDS_MAX * LOOKS_PER_SECOND) }) + HAND_OVER
