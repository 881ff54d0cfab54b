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
    what: 'COPY --from=stage of a path that is a link in that stage: the link is copied, not what it leads to',
    why: 'What the RUNs of a stage leave there is in no text; name the path that the link leads to.',
    cases: [
      'FROM and stages/COPY --from of a link, named',
      'FROM and stages/COPY --from of an absolute link, named',
      'FROM and stages/COPY --from of a link to a directory, named'
    ]
  },
  {
    what: 'COPY --from=stage of hard links: each becomes a file of its own',
    why: 'The contents are right, the image is larger, and no text says where a stage has hard links.',
    cases: ['FROM and stages/COPY --from of hard links']
  },
  {
    what: 'COPY --from=stage of a directory with a named pipe: the step fails, when its time is over or before',
    why: 'Kaniko waits for somebody to write into the pipe; no image is made, and no text says that there is one.',
    cases: ['FROM and stages/COPY --from of a directory of many kinds']
  },
  {
    what: 'RUN in a WORKDIR that an earlier RUN has removed: it runs in /, and the directory is not made again',
    why: 'What a RUN removes is in no text; name the WORKDIR once more after it.',
    cases: ['WORKDIR/removed by a RUN']
  },
  {
    what: 'RUN that makes a device node: the step fails where the build has a user namespace',
    why: 'The kernel lets nobody in one, BuildKit neither; ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_USER_NAMESPACE=off builds it.',
    cases: ['RUN/device node']
  }
]
