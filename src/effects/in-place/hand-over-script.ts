/**
 * The script that tells what was built in a container and hands the action over to it, for the exec that does: both over one connection,
 * because each takes a tenth of a second to begin.
 */
import { READ_BUILT } from './read-built.ts'
import { BECOMING, LOOKS_PER_SECOND, PLACES, type Places, settings } from './scripts.ts'

/** How long a hand-over waits until the action runs. */
const TAKE_OVER_SECONDS_MAX = 5
/** Said instead of what was built: the action runs already, or has run. */
export const HANDED_OVER = 'handed over'

/*
 * Who becomes the action is PID 1, or the one whose number `started` has. It is ours as long as its command line begins with one of our
 * programs: whose executable it is, only a process with more rights may ask once it has become another user. The shell of su calls itself
 * `sh`. Between two programs it has none. The action may have made anything of that file meanwhile.
 *
 * The pipe wakes it, and is opened in a way that waits for nobody: it may be awake already.
 *
 * The mounts: below them are the files of others, and `rm -rf` would go into them. No path of ours has what mountinfo escapes.
 */
const HAND_OVER = `umask 077
new=$directory/start.$$
if [ -e "$directory/started" ] || [ ! -e "$directory/built" ]; then
  echo ${HANDED_OVER}
else
  ( set -- "$("$busybox/cat" "$directory/digest")"; ${READ_BUILT} ) || :
  read -r bytes || exit 0
  "$busybox/head" -c "$bytes" >"$new"
  if [ "$("$busybox/wc" -c <"$new")" -ne "$bytes" ]; then
    "$busybox/rm" -f "$new"
    echo 'slipway: what to start is cut off' >&2
    exit 1
  fi
  "$busybox/mv" "$new" "$directory/start"
  echo 2>/dev/null 1<>"$directory/order" || :
fi
[ ! -e "$directory/built" ] || "$busybox/cat" "$directory/built" || :

nl='
'
first=
is_ours() {
  [ -n "$first" ] || [ ! -f "$directory/started" ] || read -r first <"$directory/started" || :
  line=$("$busybox/tr" '\\0' "$nl" <"$proc/\${first:-1}/cmdline") || return 0
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

/**
 * For `sh -ec SCRIPT` as root, by exec: prints what was built (parseBuilt), and then reads the size of what startScript makes of it, in a
 * line, and that itself. Hands it over, once, however often it is run, waits until the action runs and removes what is left of the
 * builder. Does nothing where its stdin ends before. Prints, once it has handed over, when the build ended by the node's clock. Afterwards
 * there is mostly no shell any more: that none is found then says that all was handed over. Where the action itself is a program of
 * /busybox, that stays.
 */
export const handOverScript = (places: Places = PLACES): string =>
  settings(places, { becoming: BECOMING, turns: String(TAKE_OVER_SECONDS_MAX * LOOKS_PER_SECOND) }) + HAND_OVER
