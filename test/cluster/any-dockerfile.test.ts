/**
 * Goal: what an author wrote for docker is what is built. Method: one action whose Dockerfile has all that is given to Kaniko in other
 * words, and one that no words help.
 */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { errorsOf } from './support/leftovers.ts'
import { STORAGE_MODES } from './support/runner-pod.ts'

/** What docker makes of it was seen with BuildKit 0.28. */
const LINES = [
  'cmd ["forgotten"]',
  'VOLUME /data',
  'FROM first',
  "RUN <<'EOF'",
  'x=hello',
  'echo "1 $x" > /seen',
  'cat <<-X >> /seen',
  '\t2 inner',
  '\tX',
  'EOF',
  'RUN <<SCRIPT',
  '#!/bin/sh',
  'echo "3 $0" >> /seen',
  'SCRIPT',
  'SHELL ["/bin/sh", "-euc"]',
  'RUN <<-EOF',
  '\techo "4 ok" >> /seen',
  '\techo "5 ok" >> /seen',
  'EOF',
  'RUN mkdir -p /data && echo "6 kept" > /data/kept',
  'RUN mkdir /group && chgrp 7 /group && chmod 2755 /group && mknod /null c 1 3 && chroot / true',
  'EXPOSE 7000-7002',
  'COPY link /copied/',
  'COPY link /renamed',
  'COPY ../plain /plain',
  'COPY entry.sh /entry.sh',
  'entrypoint ["/entry.sh"]'
]

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('any Dockerfile, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('builds what docker builds, in other words where Kaniko needs them, and leaves nothing of them in the image', async () => {
    const directory = await installAction(runner(), 'other-words', {
      Dockerfile: dockerfile(`${IMAGES.busyboxBase} AS first`, ...LINES),
      plain: '7 plain\n',
      'entry.sh': program(
        'cat /seen /data/kept /copied/link /renamed /plain',
        'test -L /copied/link || echo "no link"',
        'test -e /dev/pipes || echo "no script"',
        'echo "$# arguments" && stat -c "8 %a" /group'
      )
    })
    await runner().exec(['ln', '-s', 'plain', `${directory}/link`])
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode, step.stdout).toBe(0)
    const printed = step.lines.map(({ text }) => text)
    expect(printed.filter((text) => /^\d |^no /.test(text))).toEqual([
      '1 hello',
      '2 inner',
      '3 /dev/pipes/SCRIPT',
      '4 ok',
      '5 ok',
      '6 kept',
      '7 plain',
      '7 plain',
      '7 plain',
      'no link',
      'no script',
      '0 arguments',
      '8 2755'
    ])
    expect(errorsOf(step)).toEqual([])
  })

  it('fails where a body in a RUN fails', async () => {
    const directory = await installAction(runner(), 'failing-body', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, "RUN <<'EOF'", 'exit 7', 'EOF', 'ENTRYPOINT ["true"]')
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toEqual([expect.stringContaining('exit code 7')])
  })

  it('ends with the line and what to do, before anything is built, where no words help', async () => {
    const directory = await installAction(runner(), 'no-words', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN true', 'RUN --network=none true')
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).toBe(1)
    expect(errorsOf(step)).toEqual([expect.stringMatching(/line 3: kaniko does not build 'RUN --network=none'/)])
  })

  it('has nothing of what .dockerignore leaves out', async () => {
    const directory = await installAction(runner(), 'ignored', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'COPY secret.txt /secret.txt', 'ENTRYPOINT ["cat", "/secret.txt"]'),
      '.dockerignore': 'secret.txt\n',
      'secret.txt': 'secret\n'
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toEqual([expect.stringContaining('secret.txt is not in the build context')])
  })
})
