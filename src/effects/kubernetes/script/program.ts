/**
 * The shell program that runs a script step inside the job container, for the host of scripts.
 *
 * It needs a POSIX `sh` (dash, busybox, bash) and cat, mkdir, mv, rm and sleep; `setsid`, `dd`, `find` and `base64` are
 * used where the image has them. The shell reads it from its stdin, so that nothing of a step stands in an argument
 * vector or in a URL, and goes on reading: each further line is a command. What breaks off half-way, because the connection was
 * lost, is a syntax error and does nothing.
 *
 *   supervise | copy | serve        supervise runs the script; copy keeps its output in a file; serve shows the file and obeys
 *
 * - The script writes to a pipe and not to the file: `echo x > /dev/stderr` would empty a file.
 * - A pipeline and not `&`: what a shell starts by `&` ignores SIGINT for ever.
 * - Only `serve` belongs to the connection. The other two live on without it, and the next connection runs another `serve`.
 * - Frames: \\036, a secret nonce, words, newline. The nonce comes over stdin and never gets to the script, so it cannot forge one.
 */
import { quote } from '../../shell-words.ts'
import { JOB_WORK, TEMP } from '../../work-tree/layout.ts'

/** Bytes that a joining connection skips at a time; the rest is skipped by whoever receives them. */
export const SKIP_BLOCK_BYTES = 65_536

/** Shell variables with exactly these values. */
export const variables = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join('')

/** Where the files of a running script are: in the second one if its user may not write to the first. */
export const BASES = `${JOB_WORK}/${TEMP} /tmp`

/** Directory of one script in the job container. Its name begins with a dot, so that `rm -rf "$RUNNER_TEMP"/*` leaves it alone. */
export const RUN_DIRECTORY = '.slipway-$id'

/** `bases`: directories to try for the script's files. `stat_of`: fields of /proc/PID/stat from the state on, as $1... */
export const COMMON = `
frame() { printf '\\036%s %s\\n' "$nonce" "$*"; }
doze() { sleep "$1" || sleep 1; } </dev/null >/dev/null 2>&1
alive() {
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- \${stat##*) }
  case $1 in Z|X) return 1 ;; esac
}
own_pid() { read -r pid rest </proc/self/stat; echo "$pid"; }
`

/**
 * Starts a script, or joins the one that runs, and serves it. Expects the variables nonce, id, bases, skip (blocks of the log that
 * are known already) and join (not empty: never start), and the functions prepare and list_changed of `sessionText`.
 */
export const SESSION = `${COMMON}
failed() { rm -rf "$run"; frame failed "$@"; exit; }

main() {
  exec 4<&0
  owner=
  mask=$(umask)
  umask 077
  for base in $bases; do
    run=$base/${RUN_DIRECTORY}
    [ -d "$run" ] && { serve; exit; }
  done
  [ -z "$join" ] || { frame gone; exit; }
  for base in $bases; do
    run=$base/${RUN_DIRECTORY}
    # Whoever makes the directory starts the script, nobody else ever does.
    mkdir "$run" 2>/dev/null && { start; exit; }
    [ -d "$run" ] && { serve; exit; }
  done
  frame failed room "$bases"
}

start() {
  prepare
  # Opened before the script can remove it, for reading and for writing.
  printf '' >"$run/log" && [ -e "$run/log" ] || failed write "$run/log"
  exec 3<"$run/log" 5>>"$run/log"
  command -v setsid >/dev/null 2>&1 && setsid=setsid || setsid=
  owner=1
  supervise </dev/null 2>/dev/null 3<&- 4<&- 5>&- | copy 2>/dev/null 3<&- 4<&- >&5 5>&- | serve 5>&-
}

supervise() {
  # For scripts that kill their whole process group where there is no setsid.
  trap : HUP INT TERM
  own_pid >"$run/supervisor"
  # In a shell of its own, or this one would write "Terminated" to where stderr goes.
  (exec $setsid sh "$run/script" "$run" "$mask" 2>&1)
  code=$?
  trap '' PIPE
  # First: what is told of may be removed at once, and then nothing may come to it.
  echo "$code" >"$run/exit"
  frame exit "$code"
}

copy() {
  trap : HUP INT TERM
  own_pid >"$run/copy"
  # What the script sends to its process group must not cost what cat has read and not written yet.
  until sh -c 'trap "" HUP INT TERM; echo $$ >"$0/copier"; exec cat' "$run" || [ ! -e "$run/log" ]; do doze 0.05; done
  # What the script has left running may write on; nobody reads it any more.
  cat >/dev/null
}

stream() {
  stop= nap= turn=0 since_end=0 supervisor=
  trap 'stop=1; kill "$nap"' USR1
  if [ -n "$owner" ]; then
    show
    return
  fi
  until [ -e "$run/supervisor" ] && [ -e "$run/log" ]; do
    turn=$((turn + 1))
    [ "$turn" -lt 500 ] || { frame lost; return; }
    doze 0.01
  done
  show 3<"$run/log" || frame gone
} 2>/dev/null

# Shows the log until told to stop (USR1), with a sign of life every 20 s or so.
show() {
  [ "$skip" -eq 0 ] || dd bs=${SKIP_BLOCK_BYTES} skip="$skip" count=0 <&3 >/dev/null || skip=0
  frame log "$skip"
  turn=0 whole=
  while cat <&3 && [ -z "$stop" ] && watch; do
    turn=$((turn + 1))
    case $turn in
      ?) pause=0.01 ;;
      1?) pause=0.02 ;;
      2?) pause=0.05 ;;
      3?|4?|5?) pause=0.1 ;;
      *) pause=0.25 ;;
    esac
    # In the background, because only \`wait\` is interrupted by a signal.
    sleep "\${whole:-$pause}" </dev/null >/dev/null &
    nap=$!
    wait "$nap"
    # A sleep that knows no fractions.
    [ "$?" -ne 1 ] || whole=1
    [ $((turn % 80)) -gt 0 ] || frame alive
  done
  wait
  return 0
}

# The end stands in the log. If it does not get there, because somebody killed the processes above, it is told here.
watch() {
  [ -n "$supervisor" ] || read -r supervisor <"$run/supervisor" || return 0
  ! alive "$supervisor" || return 0
  since_end=$((since_end + 1))
  # On a busy node the copy may be late.
  [ "$since_end" -ge 60 ] || return 0
  if read -r code <"$run/exit"; then frame exit "$code"; else frame lost; fi
  return 1
}

serve() {
  finished=
  stream 4<&- &
  streamer=$!
  while IFS= read -r command <&4; do eval "$command"; done
  hush
  # Something the script has left running keeps the pipe open: the connection ends all the same.
  [ -z "$finished" ] || [ -z "$owner" ] || ! alive "$copy" || kill $$
}

hush() { kill -USR1 "$streamer"; wait "$streamer"; } 2>/dev/null

# Command: shows every file the runner reads after a step.
copy_out() {
  hush
  # Its own: another script may be at the same point, and must not make this one look later than it is.
  printf '' >"$run/copying-out"
  list_changed | while IFS= read -r file; do [ ! -f "$file" ] || send "$file"; done
  frame sent
}

# Of paths, those that are no links, and what the runner looks for where a link is an action's directory or one of its files.
followed() {
  while IFS= read -r path; do
    if [ ! -h "$path" ]; then
      printf '%s\\n' "$path"
    elif [ -d "$path" ]; then
      printf '%s\\n' "$path/action.yml" "$path/action.yaml" "$path/Dockerfile"
    else
      case \${path##*/} in action.yml|action.yaml|Dockerfile) printf '%s\\n' "$path" ;; esac
    fi
  done
}

# Command: shows one file.
send() {
  frame file "$1"
  [ ! -s "$1" ] || cat "$1" 2>/dev/null
  frame end
}

# Command: the other side has everything.
finish() {
  hush
  read -r copy <"$run/copy"
  read -r copier <"$run/copier"
  [ ! -r "$run/forget" ] || . "$run/forget"
  rm -rf "$run"
  if alive "$copy"; then
    doze 0.02
    ! alive "$copy" || kill -KILL "$copier"
  fi
  frame done
  finished=1
} 2>/dev/null
`
