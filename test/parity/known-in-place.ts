/** What an action that was built in place sees otherwise than one that runs from an image: the whole list, each with the page that says it. */

export interface KnownDifference {
  /** Of lines that differ: `/path: ...` of a file, `environment: NAME=...` and the like of the process. */
  readonly lines: RegExp
  readonly page: string
  /** Words of that page. */
  readonly says: string
}

const CONTRACT = 'docs/container-contract.md'
const IN_PLACE = 'docs/in-place.md'

export const KNOWN_IN_PLACE: readonly KnownDifference[] = [
  {
    lines: /^\/(?:kaniko|busybox)(?:\/[^:]*)?: |^mounts: \/(?:kaniko|busybox)(?:\/|:|$)/,
    page: CONTRACT,
    says: 'It finds `/kaniko` and `/busybox` as empty directories'
  },
  // Where the step's own directories are mounted.
  { lines: /^\/github(?:\/[^:]*)?: /, page: CONTRACT, says: '## The directories' },
  { lines: /^(?:environment: HOSTNAME=|hostname: )/, page: CONTRACT, says: 'The action is in a pod of its own' },
  {
    lines: /^\/tmp: dir 1777 0:0, should be as in the base$/,
    page: IN_PLACE,
    says: '`/tmp` | Is there, empty, also where the last stage begins with `scratch`'
  },
  { lines: /^\/: dir \d+ \d+:\d+, should be as in the base$/, page: IN_PLACE, says: '`/` | Has the owner and mode' },
  {
    lines: /^(\/[^:]*): (file .*) same as \/[^,]*, should be \2$/,
    page: IN_PLACE,
    says: 'A second name that a RUN gives to a file'
  },
  {
    lines: /^\/out\/(?:\.wh\.)?a: file 644 0:0 e3b0c44298fc1c14, should be as in the base$/,
    page: IN_PLACE,
    says: 'An archive of ADD with names that begin with `.wh.`'
  },
  // A node puts files there that it mounts.
  {
    lines: /^\/etc: dir 755 0:0, should be as in the base$/,
    page: CONTRACT,
    says: '`/etc` is there in every container'
  },
  {
    lines: /^mounts: \/(?!(?:github|proc|sys|dev|etc)\b)[^:]*: missing$/,
    page: IN_PLACE,
    says: '`VOLUME` | Is a directory like any other'
  },
  { lines: /^environment: KUBERNETES_/, page: IN_PLACE, says: '`KUBERNETES_*` | Are not there, as with docker.' },
  // The runtime cannot make device nodes in a user namespace, and mounts those of the node.
  { lines: /^mounts: \/dev\//, page: IN_PLACE, says: 'User namespace | That of [builds]' }
]

export const isKnown = (line: string): boolean => KNOWN_IN_PLACE.some(({ lines }) => lines.test(line))
