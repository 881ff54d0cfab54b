/** What the default builder does not make as BuildKit does and nothing can tell before the build: the whole list, each with its reason. */

export interface Exception {
  readonly what: string
  readonly why: string
  /** Cases that show it. */
  readonly cases: readonly string[]
}

export const EXCEPTIONS_MAX = 5

export const EXCEPTIONS: readonly Exception[] = [
  {
    what: 'COPY --from=stage of a path that a script has made a link there: the link is copied, not what it leads to',
    why: 'What a script leaves is in no text; name the path that the link leads to. Where a RUN says it, it is refused.',
    cases: ['FROM and stages/COPY --from of a link that a script made']
  },
  {
    what: 'COPY --from=stage of a directory in which a script has made hard links or a named pipe: each link becomes a file of its own, and the step ends when its time is over',
    why: 'What a script leaves is in no text. Where a RUN says it, it is refused.',
    cases: [
      'FROM and stages/COPY --from of hard links that a script made',
      'FROM and stages/COPY --from of a named pipe that a script made'
    ]
  },
  {
    what: 'RUN in a WORKDIR that a script of an earlier RUN has removed: it runs in /, and the directory is not made again',
    why: 'What a script removes is in no text; name the WORKDIR once more after it.',
    cases: ['FROM and stages/WORKDIR that a script removed']
  },
  {
    what: 'RUN that writes into a --mount=type=bind without rw: it may, and what it writes is gone after it, where docker ends the build',
    why: 'What a program writes is in no text.',
    cases: ['RUN/--mount=type=bind that may not be written to']
  },
  {
    what: 'RUN that makes a device node: the step fails where the build has a user namespace',
    why: 'The kernel lets nobody in one, BuildKit neither; ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_USER_NAMESPACE=off builds it.',
    cases: ['RUN/device node']
  }
]
