/** The shell program that ends a script in the job container, and what it has started, for the janitor of scripts. */
import { BASES, COMMON, RUN_DIRECTORY, variables } from './program.ts'

/**
 * Ends everything a script has started, whether it has got that far or not. Expects nonce, id, bases and grace (tenths of a
 * second between SIGTERM and SIGKILL). Frames: `stopped`, or `remaining` and process ids.
 */
const STOP = `${COMMON}
main() {
  for base in $bases; do
    run=$base/${RUN_DIRECTORY}
    # From here on a script that is about to start cannot, for its directory is gone.
    [ ! -d "$run" ] || mv "$run" "$run.gone" || exit
    [ ! -d "$run.gone" ] || { end "$run.gone"; exit; }
  done
  # It may still be on its way: whoever finds the directory does not start.
  for base in $bases; do
    run=$base/${RUN_DIRECTORY}
    mkdir "$run" 2>/dev/null || continue
    (doze 10; rm -rf "$run") </dev/null >/dev/null 2>&1 &
    break
  done
  frame stopped
}

end() {
  session= copier=
  read -r session <"$1/session"
  read -r copier <"$1/copier"
  output=/proc/$copier/fd/0
  send_signal TERM
  turn=0
  while [ -n "$left" ] && [ "$turn" -lt "$grace" ]; do
    doze 0.1
    left=$(members)
    turn=$((turn + 1))
  done
  turn=0
  while [ -n "$left" ] && [ "$turn" -lt 20 ]; do
    send_signal KILL
    doze 0.05
    left=$(members)
    turn=$((turn + 1))
  done
  [ -z "$left" ] || { frame remaining "$left"; return; }
  [ ! -r "$1/forget" ] || . "$1/forget"
  rm -rf "$1"
  frame stopped
} 2>/dev/null

send_signal() { left=$(members); [ -z "$left" ] || kill -"$1" $left; }

# Processes of the script's session, and those that left it but still write to its output.
members() {
  for process in /proc/[0-9]*; do
    read -r stat <"$process/stat" || continue
    set -- \${stat##*) }
    case $1 in Z|X) continue ;; esac
    if [ "$4" = "$session" ] || [ "$process/fd/1" -ef "$output" ] || [ "$process/fd/2" -ef "$output" ]; then
      printf '%s ' "\${process#/proc/}"
    fi
  done
}
`

/** Everything of the session that ends a script. `graceMs`: between SIGTERM and SIGKILL. */
export const stopText = (id: string, nonce: string, graceMs: number): string =>
  `${variables({ nonce, id, bases: BASES, grace: String(Math.round(graceMs / 100)) })}${STOP}main\n`
