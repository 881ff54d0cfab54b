/** Reads out of a container that has built an image what says how to run it, for whoever starts it there; a hostile file stays a file. */
import { StepError } from '../../errors.ts'
import { BUILT_FILE_BYTES_MAX, type BuiltRoot, readConfig } from './process.ts'

/** What a file is told as that is not there. */
const ABSENT = '-'
const HEAD_BYTES_MAX = 100
/** All that the script prints at most. */
export const BUILT_BYTES_MAX = 3 * (BUILT_FILE_BYTES_MAX + 1) + HEAD_BYTES_MAX

/*
 * For a shell in which `settings` stand; $1 is the digest of the image's manifest in the layout, `sha256:...`. The configuration is the
 * blob that the manifest names.
 */
export const READ_BUILT = `blobs=$directory/layout/blobs/sha256
limit=${BUILT_FILE_BYTES_MAX + 1}
manifest=$blobs/\${1#sha256:}
config=$blobs/$("$busybox/head" -c "$limit" "$manifest" | "$busybox/tr" -d ' \\t\\r\\n' |
  "$busybox/sed" -n 's/^.*"config":{\\([^{}]*,\\)\\{0,1\\}"digest":"sha256:\\([0-9a-f]\\{64\\}\\)".*$/\\2/p')
size() {
  if [ -f "$1" ]; then
    "$busybox/head" -c "$limit" "$1" | "$busybox/wc" -c | "$busybox/tr" -d ' '
  else
    echo ${ABSENT}
  fi
}
sizes=
for file in "$config" "$root/etc/passwd" "$root/etc/group"; do
  sizes="$sizes $(size "$file")"
done
echo "built$sizes"
set -- $sizes
for file in "$config" "$root/etc/passwd" "$root/etc/group"; do
  [ "$1" = ${ABSENT} ] || "$busybox/head" -c "$1" "$file"
  shift
done
`

const HEAD = /^built (\d{1,8}|-) (\d{1,8}|-) (\d{1,8}|-)$/
const FILES = ['the configuration of its image', '/etc/passwd', '/etc/group']

/** How many bytes the script prints, as far as is known from the first ones; what it cannot have printed is complete. */
export function lengthOfBuilt(bytes: Buffer): number | undefined {
  const end = bytes.indexOf('\n')
  if (end < 0) return bytes.length > HEAD_BYTES_MAX ? bytes.length : undefined
  const sizes = HEAD.exec(bytes.toString('latin1', 0, end))?.slice(1) ?? []
  const length = end + 1 + sizes.reduce((sum, size) => sum + (size === ABSENT ? 0 : Number(size)), 0)
  return Math.min(length, BUILT_BYTES_MAX)
}

/** What the script has printed. */
export function parseBuilt(bytes: Uint8Array): BuiltRoot {
  const all = Buffer.from(bytes)
  const end = all.indexOf('\n')
  const head = HEAD.exec(all.toString('latin1', 0, Math.max(0, end)))
  if (head === null) throw lost('the container did not tell what it had built')
  let at = end + 1
  const [config, passwd, group] = head.slice(1).map((size, index) => {
    if (size === ABSENT) return undefined
    if (Number(size) > BUILT_FILE_BYTES_MAX) {
      throw new StepError(
        'start-failed',
        `the built action cannot start: ${FILES[index]} has more than ${BUILT_FILE_BYTES_MAX} bytes`
      )
    }
    at += Number(size)
    return all.toString('utf8', at - Number(size), at)
  })
  if (at !== all.length) throw lost('what the container told of what it had built is cut off')
  if (config === undefined) throw lost('the container does not have the configuration of what it had built')
  return { config: readConfig(config), passwd, group }
}

const lost = (message: string): StepError => new StepError('layout-lost', message)
