/**
 * Goal: Kaniko is given nothing that it would build into another image than docker. Method: every construct of the table, what it is
 * written into or why it is refused; what Kaniko makes of that was seen beside BuildKit.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { buildkit } from '../../../../src/effects/builders/buildkit.ts'
import { KANIKO_CAPABILITIES } from '../../../../src/effects/builders/kaniko-dockerfile.ts'
import { type Archive, CONSTRUCT_NAMES } from '../../../../src/effects/dockerfile/constructs.ts'
import { judge, type Surroundings } from '../../../../src/effects/dockerfile/judge.ts'
import { parseDockerfile } from '../../../../src/effects/dockerfile/parse.ts'
import { evilText, FUZZ_TIMEOUT_MS, survives } from '../../../support/fuzz.ts'

const LINKS: Readonly<Record<string, string>> = {
  link: 'file',
  'a/link': '../dir/file',
  'a/same/file': '/dir/file',
  dirlink: 'dir',
  circle: 'circle',
  tarlink: 'u.tar',
  outside: '../../etc/passwd'
}

const surroundings = (links: Readonly<Record<string, string>> = {}): Surroundings => ({
  platform: { os: 'linux', architecture: 'amd64' },
  context: {
    links: new Map(Object.entries(links)),
    directories: new Map([
      ['dir', 0o755],
      ['own', 0o700]
    ]),
    paths: new Set([
      'a.txt',
      'b.txt',
      'dir',
      'dir/file',
      'file',
      'own',
      'own/file',
      'we[ird',
      't.tar',
      'u.tar',
      'x.bin',
      'p.gz',
      ...Object.keys(links)
    ]),
    archives: new Map<string, Archive>([
      ['t.tar', { kind: 'archive', orphans: ['b', 'c/d'] }],
      ['u.tar', { kind: 'archive', orphans: [] }],
      ['x.bin', { kind: 'unreadable' }],
      ['p.gz', { kind: 'packed' }]
    ]),
    special: new Map<string, number>()
  }
})

const kaniko = (lines: readonly string[], links?: Readonly<Record<string, string>>) =>
  judge(lines.join('\n'), surroundings(links), KANIKO_CAPABILITIES)
const refusals = (lines: readonly string[], links?: Readonly<Record<string, string>>) =>
  kaniko(lines, links).refused.map(({ construct, line }) => `${line} ${construct}`)
/** Without the end of the last line, which what is rewritten has. */
const rewritten = (lines: readonly string[], links?: Readonly<Record<string, string>>) => {
  const { refused, text } = kaniko(lines, links)
  expect(refused).toEqual([])
  return (lines.at(-1) === '' ? text : text.replace(/\n$/, '')).split('\n')
}

/** What ends the build where the image knows the number. */
const guard = (number: string) =>
  expect.stringMatching(`^RUN \\["/bin/sh","-c",".* != ${number} \\].*exit 1; done < /etc/passwd"\\]$`)
/** What ends the build where the user's group has another number, or there is no such user. */
const ownGroup = (user: string) =>
  expect.stringMatching(`^RUN \\["/bin/sh","-c",".* != ${user} \\].*exit 0; done < /etc/passwd; exit 1"\\]$`)

/** What looks whose a directory is, and gives it back. */
const looks = (line: number, path: string) =>
  `RUN ["/bin/sh","-c","rm -f /dev/slipway-owner-${line}; [ ! -e ${path} ] || stat -L -c %u:%g ${path} > /dev/slipway-owner-${line}"]`
const gives = (line: number, path: string) =>
  `RUN ["/bin/sh","-c","if [ -s /dev/slipway-owner-${line} ]; then chown $(cat /dev/slipway-owner-${line}) ${path}; elif [ -d ${path} ]; then chown 0:0 ${path}; fi"]`

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nown:x:7:7::/:\nother:x:8:9::/:\nzero:x:6:0::/:'

describe('what ends a build', () => {
  it.each([
    ['COPY --chown=own b /c', 0],
    ['COPY --chown=other b /c', 1],
    ['COPY --chown=nobody b /c', 1],
    ['USER 5\nRUN b', 0],
    ['USER 6\nRUN b', 0],
    ['USER 7\nRUN b', 1],
    ['USER 8\nRUN b', 1]
  ])('is in front of %j and ends with %i', async (line, status) => {
    const { rewritten: found } = kaniko(['FROM a', ...line.split('\n')])
    const [, , script = ''] = JSON.parse((found[0]?.check ?? '').replace('RUN ', ''))
    const directory = await mkdtemp(join(tmpdir(), 'slipway-check-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    await writeFile(join(directory, 'passwd'), PASSWD)
    const { status: ended } = spawnSync('sh', ['-c', script.replaceAll('/etc/passwd', join(directory, 'passwd'))])
    expect(ended).toBe(status)
  })
})

describe('refused', () => {
  it.each<[string, string[], string]>([
    ['a mount of another stage', ['FROM a AS b', 'FROM c', 'RUN --mount=type=bind,from=b,target=/b d'], '3 run-mount'],
    [
      'a mount of memory with an option that is none',
      ['FROM a', 'RUN --mount=type=tmpfs,target=/b,x=y c'],
      '2 run-mount'
    ],
    [
      'a mount of memory for a heredoc',
      ['FROM a', 'RUN --mount=type=tmpfs,target=/b cat <<E', 'c', 'E'],
      '2 run-tmpfs'
    ],
    ['a cache that begins with something', ['FROM a', 'RUN --mount=type=cache,from=b,target=/c d'], '2 run-mount'],
    ['a mount that a variable decides', ['FROM a', 'RUN --mount=$B c'], '2 run-mount'],
    ['no network', ['FROM a', 'RUN --network=none b'], '2 run-network'],
    ['more rights', ['FROM a', 'RUN --security=insecure b'], '2 run-security'],
    ['a device', ['FROM a', 'RUN --device=vendor.com/x=y b'], '2 run-device'],
    ['COPY --parents of what is not there', ['FROM a', 'COPY --parents b/c /d/'], '2 copy-parents'],
    [
      'COPY --parents of a directory with a mode of its own',
      ['FROM a', 'COPY --parents own/file /d/'],
      '2 copy-parents'
    ],
    ['COPY --parents of another stage', ['FROM a AS b', 'FROM c', 'COPY --parents --from=b /d /e'], '3 copy-parents'],
    ['COPY --exclude with a pattern that is none', ['FROM a', 'COPY --exclude=[ dir /b'], '2 copy-exclude'],
    ['COPY --exclude of another stage', ['FROM a AS b', 'FROM c', 'COPY --exclude=d --from=b /e /f'], '3 copy-exclude'],
    ['another escape in a trigger', ['# escape=`', 'FROM a', 'ENV B=c`nd', 'ONBUILD ENV E=`f'], '3 escape-directive'],
    [
      'another escape in a text that is expanded',
      ['# escape=`', 'FROM a', 'COPY <<E /b', '`c', 'E'],
      '3 escape-directive'
    ],
    [
      'a directory of a user in nothing',
      ['FROM scratch', 'USER 5:5', 'WORKDIR /b', 'COPY --chmod=700 dir .'],
      '4 copy-owned'
    ],
    ['--link to what is a directory', ['FROM a', 'RUN mkdir /b', 'COPY --link file /b'], '3 copy-linked'],
    ['a link of a stage', ['FROM a AS b', 'RUN ln -s c /d', 'FROM e', 'COPY --from=b /d /f'], '4 stage-link'],
    ['two names of a file', ['FROM a AS b', 'RUN ln /c/d /c/e', 'FROM f', 'COPY --from=b /c /g'], '4 stage-hard-links'],
    ['a program with rights', ['FROM a AS b', 'RUN chmod 4755 /c/d', 'FROM e', 'COPY --from=b /c /f'], '4 stage-modes'],
    ['a link of somebody', ['FROM a AS b', 'RUN chown -h 5 /c/d', 'FROM e', 'COPY --from=b /c /f'], '4 stage-modes'],
    ['a stage that comes later', ['FROM a AS b', 'COPY --from=c /d /e', 'FROM f AS c', 'FROM b'], '2 stage-later'],
    ['a directory that gives its group away', ['FROM a', 'RUN chmod g+s /b', 'WORKDIR /b/c'], '3 setgid-parent'],
    ['a text through a link', ['FROM a', 'RUN ln -s /b /c', 'COPY <<E /c', 'd', 'E'], '3 heredoc-link'],
    ['a text with a path', ['FROM a', 'COPY <<b/c /d/', 'e', 'b/c'], '2 heredoc-name'],
    ['warnings that end the build', ['# check=error=true', 'FROM a'], '1 check-error'],
    ['a command of nothing', ['FROM a', 'CMD'], '2 command-empty'],
    ['slashes without a name', ['FROM a', 'WORKDIR /b//c'], '2 workdir-dots'],
    ['a mount below a WORKDIR that nobody knows', ['FROM a', 'RUN --mount=target=b c'], '2 run-mount-relative'],
    ['an archive over a link', ['FROM a', 'RUN ln -s /b /c/d', 'ADD u.tar /c'], '3 add-over-link'],
    [
      'a shell that is to be looked for, with a text',
      ['FROM a', 'SHELL ["b"]', 'RUN c <<E', 'd', 'E'],
      '3 shell-relative'
    ],
    ['links of an owner whose group nobody knows', ['FROM a', 'COPY --chown=$B deep /c'], '2 copy-user'],
    ['a pipe', ['FROM a AS b', 'RUN mkfifo /c/d', 'FROM e', 'COPY --from=b /c /f'], '4 stage-pipe'],
    ['ADD --checksum', ['FROM a', 'ADD --chown=0:0 --checksum=sha256:1 https://b/c /d'], '2 add-checksum'],
    ['ADD --unpack', ['FROM a', 'ADD --unpack https://b.tar /c'], '2 add-unpack'],
    ['an archive with an owner', ['FROM a', 'ADD --chown=1:1 u.tar /c'], '2 add-archive-owner'],
    ['an archive that only docker reads', ['FROM a', 'ADD x.bin /c'], '2 add-archive'],
    ['a user without a group, where nothing can look', ['FROM scratch', 'COPY --chown=b c /d'], '2 copy-user'],
    ['a user whom the image names, without a group', ['FROM a', 'COPY --chown=$B c /d'], '2 copy-user'],
    ['dots in a WORKDIR', ['FROM a', 'WORKDIR /b/../c'], '2 workdir-dots'],
    ['a repository', ['FROM a', 'ADD https://host/repo.git#main /b'], '2 add-git'],
    ['a repository by ssh', ['FROM a', 'ADD git@github.com:b/c.git /d'], '2 add-git'],
    ['an archive of xz', ['FROM a', 'ADD b.tar.xz /c'], '2 add-archive'],
    ['an archive of zstd', ['FROM a', 'ADD ["b.tar.zst", "/c"]'], '2 add-archive'],
    ['all of a stage', ['FROM a AS b', 'FROM scratch', 'COPY --from=b / /'], '3 copy-whole-stage'],
    ['another platform', ['FROM --platform=linux/arm64 a'], '1 from-platform'],
    ['a platform that nobody knows', ['FROM --platform=$WHAT a'], '1 from-platform'],
    ['a start interval', ['FROM a', 'HEALTHCHECK --start-interval=1s CMD b'], '2 healthcheck-start-interval'],
    ['another frontend', ['# syntax=example.com/other:1', 'FROM a'], '1 other-frontend'],
    ['a user by number where users may come', ['FROM a', 'USER 1234', 'COPY b /etc/', 'RUN id'], '2 user-number'],
    ['a user by number before a line that never ends', ['FROM a', 'USER 1', 'RUN b \\'], '2 user-number'],
    ['a name of a label that is none after one reading', ['FROM a', 'LABEL \'"b"\'=c'], '2 label-words'],
    ['a port that is none', ['FROM a', 'EXPOSE b'], '2 expose-range'],
    ['a protocol that Kaniko does not know', ['FROM a', 'EXPOSE 80/sctp'], '2 expose-range'],
    ['a script with a name that is no file name', ['FROM a', 'RUN <<a/b', '#!/bin/sh', 'a/b'], '2 run-script'],
    ['a body that would go on', ['FROM a', 'RUN <<E', 'b \\', 'E'], '2 run-heredoc'],
    ['a body with a heredoc without its end', ['FROM a', 'RUN <<E', 'cat <<F', 'E'], '2 run-heredoc'],
    ['a volume of an unknown path', ['FROM a', 'VOLUME $B', 'RUN c'], '2 volume-then-write'],
    ['a volume before a line that never ends', ['FROM a', 'VOLUME /b', 'RUN c \\'], '2 volume-then-write']
  ])('%s', (_what, lines, expected) => {
    expect(refusals(lines)).toEqual([expected])
  })

  it('names every refusal, in the order of lines', () => {
    const lines = ['FROM a', 'RUN --network=none b', 'COPY --parents c /d', 'RUN --mount=type=$E f']
    expect(refusals(lines)).toEqual(['2 run-network', '3 copy-parents', '4 run-mount'])
  })
})

describe('as it is', () => {
  it.each<[string, string[]]>([
    [
      'what most write',
      ['FROM a:1', 'RUN b && \\', ' c', 'COPY --chown=1:1 d e /f/', 'ENTRYPOINT ["/f/e"]', 'CMD ["g"]']
    ],
    [
      'caches, secrets and the context',
      ['FROM a', 'RUN --mount=type=cache,target=$B --mount=type=secret,id=c --mount=target=/d e']
    ],
    ['options with their defaults', ['FROM a', 'RUN --network=default --security=sandbox b']],
    ['the own platform', ['FROM --platform=linux/amd64 a', 'RUN b']],
    ['the own platform as variables', ['FROM --platform=$BUILDPLATFORM a AS b', 'FROM --platform=${TARGETPLATFORM} b']],
    ['heredocs for programs', ['FROM a', 'RUN cat <<E >/b', 'c', 'E', 'COPY <<F /d', 'e', 'F']],
    ["docker's frontend", ['# syntax=docker/dockerfile:1.7-labs', 'FROM a']],
    ['another escape at the ends of lines', ['# escape=`', 'FROM a', 'RUN b `', ' c\\d']],
    ['a user by number at the end', ['FROM a', 'RUN b', 'USER 1234', 'COPY c /d', 'WORKDIR /e', 'CMD f']],
    ['a user by number that was made', ['FROM a', 'RUN useradd -u 1234 b', 'USER 1234', 'RUN c']],
    ['a user with a group', ['FROM a', 'USER 1234:0', 'RUN b']],
    ['root by number', ['FROM a', 'USER 0', 'RUN b']],
    ['ports', ['FROM a', 'EXPOSE 80 443/tcp 53/udp $P']],
    ['labels', ['FROM a', 'ENV B=c', 'LABEL d="e f" "g"=$B', 'LABEL h i']],
    ['a directory that root has', ['FROM a', 'RUN mkdir /b && chown root:root /b', 'COPY dir /b']],
    ['a file that was given away', ['FROM a AS b', 'RUN chown c /d', 'FROM e', 'COPY --from=b /d /d']],
    ['an owner by name', ['FROM a', 'RUN chown -R b:d /c', 'COPY --chown=b:d . /c', 'COPY --chown=1 . /g']],
    ['--link where all is new', ['FROM a', 'WORKDIR /b', 'COPY --link dir c/', 'COPY --link --chown=1:1 file /d/e']],
    ['archives', ['FROM a', 'ADD u.tar /b', 'ADD --chown=1:1 file /c', 'COPY t.tar p.gz /d/']],
    ['a WORKDIR', ['FROM a', 'WORKDIR /.b/..c', 'WORKDIR ../d', 'WORKDIR ./e']],
    ['wildcards', ['FROM a', 'COPY [a-b].txt no* /c/', 'COPY a.* /d', 'COPY [^a]?txt /e']],
    ['a volume at the end', ['FROM a', 'RUN b', 'VOLUME /c', 'CMD d']],
    ['what no stage needs', ['FROM a AS b', 'RUN --network=none c', 'FROM d', 'RUN e']],
    ['a trigger for others', ['FROM a', 'ONBUILD RUN --network=none b']],
    ['CMD after ENTRYPOINT', ['FROM a AS b', 'ENTRYPOINT c', 'FROM b', 'CMD d']],
    ['what neither can read', ['FROM a', 'RUN <<E', 'b']],
    ['nothing', []]
  ])('%s', (_what, lines) => {
    expect(rewritten(lines)).toEqual(lines.length === 0 ? [''] : lines)
  })

  it('links that no COPY names', () => {
    const lines = ['FROM a', 'COPY . /b', 'COPY file* /c', 'COPY dir/file /d', 'COPY --from=x link /e']
    expect(rewritten(lines, { 'deep/link': 'x', zlink: 'y' })).toEqual(lines)
  })
})

describe('rewritten', () => {
  it.each<[string, string[], string[]]>([
    [
      "a heredoc for the image's shell",
      ['FROM a', "RUN <<'EOF'", 'exit 7', 'EOF', 'CMD b'],
      ['FROM a', 'RUN # <<#1', 'exit 7', '#1', 'CMD b']
    ],
    ['its tabs', ['FROM a', 'run <<-EOF', '\tb', '\t\tc "$d"', '\tEOF'], ['FROM a', 'RUN # <<#1', 'b', 'c "$d"', '#1']],
    ['a body with the new end in it', ['FROM a', 'RUN <<E', '#1', 'E'], ['FROM a', 'RUN # <<#2', '#1', '#2']],
    [
      'a body with a heredoc of its own',
      ['FROM a', 'RUN <<E', "cat <<-'F' >b", '\tc', '\tF', 'E'],
      ['FROM a', 'RUN # <<#1', "cat <<-'F' >b", '\tc', '\tF', '#1']
    ],
    [
      'a heredoc for a shell that the file names',
      ['FROM a', 'SHELL ["/bin/bash", "-euo", "pipefail", "-c"]', 'RUN <<EOF', 'false', 'b "c" \\', 'EOF', 'CMD d'],
      [
        'FROM a',
        'SHELL ["/bin/bash", "-euo", "pipefail", "-c"]',
        'RUN ["/bin/bash","-euo","pipefail","-c","false\\nb \\"c\\" \\\\\\n"]',
        '',
        '',
        '',
        'CMD d'
      ]
    ],
    [
      'a shell of the stage before',
      ['FROM a AS b', 'SHELL ["/c"]', 'FROM b', 'RUN --mount=type=cache,target=/e <<E', 'd', 'E'],
      ['FROM a AS b', 'SHELL ["/c"]', 'FROM b', 'RUN --mount=type=cache,target=/e ["/c","d\\n"]', '', '']
    ],
    [
      'a script',
      ['FROM a', 'RUN <<-EOF', '\t#!/usr/bin/env python3', '\tprint("$b")', 'EOF', 'CMD c'],
      [
        'FROM a',
        'COPY --chmod=755 <<"END1" /dev/pipes/EOF',
        '#!/usr/bin/env python3',
        'print("$b")',
        'END1',
        'RUN /dev/pipes/EOF',
        'CMD c'
      ]
    ],
    [
      'small letters',
      ['from a', 'cmd ["b"]', ' entrypoint c \\', ' d'],
      ['from a', 'CMD ["b"]', ' ENTRYPOINT c \\', ' d']
    ],
    [
      'a CMD that ENTRYPOINT takes back',
      ['FROM a AS b', 'CMD c \\', ' d', 'FROM b AS e', 'ENTRYPOINT ["f"]', 'FROM e', 'USER g'],
      ['FROM a AS b', '', '', 'FROM b AS e', 'ENTRYPOINT ["f"]', 'FROM e', 'USER g']
    ],
    [
      'ports in a row',
      ['FROM a', 'ARG P=90-91', 'EXPOSE 7000-7002 $P/udp 127.0.0.1:8080:80/TCP'],
      ['FROM a', 'ARG P=90-91', 'EXPOSE 7000/tcp 7001/tcp 7002/tcp 90/udp 91/udp 80/tcp']
    ],
    [
      'a volume that is written to',
      ['FROM a', 'VOLUME ["/b", "/c d"]', 'RUN e', 'CMD f'],
      ['FROM a', '', 'RUN e', 'CMD f', 'VOLUME ["/b","/c d"]']
    ],
    [
      'volumes of several stages, with the values they had',
      ['FROM a AS b', 'ENV V=/b', 'VOLUME $V/c', 'FROM b', 'ENV V=/d', 'RUN e', 'VOLUME $V'],
      ['FROM a AS b', 'ENV V=/b', '', 'FROM b', 'ENV V=/d', 'RUN e', 'VOLUME $V', 'VOLUME ["/b/c"]']
    ],
    [
      'a volume of a stage that is only copied from',
      ['FROM a AS b', 'VOLUME /c', 'RUN d', 'FROM e', 'COPY --from=b /c /c'],
      ['FROM a AS b', '', 'RUN d', 'FROM e', 'COPY --from=b /c /c']
    ],
    [
      'arguments that docker predefines',
      ['ARG REG=r.example', 'ARG IMAGE=$REG/base-${TARGETARCH}', 'FROM ${IMAGE}:1 AS b', 'ARG TARGETARCH', 'FROM b'],
      [
        'ARG REG=r.example',
        'ARG IMAGE=r.example/base-amd64',
        'FROM r.example/base-amd64:1 AS b',
        'ARG TARGETARCH',
        'FROM b'
      ]
    ],
    [
      'a user by number',
      ['FROM a', 'ARG U=1234', 'USER $U', 'RUN b', 'WORKDIR /c', 'RUN d', 'CMD e'],
      [
        'FROM a',
        'ARG U=1234',
        'USER $U',
        'USER 1234:0',
        guard('1234'),
        'RUN b',
        'USER 1234',
        'WORKDIR /c',
        'USER 1234:0',
        'RUN d',
        'USER 1234',
        'CMD e'
      ]
    ],
    [
      'a user by number of the stage before',
      ['FROM a AS b', 'USER 1', 'FROM b', 'RUN c', 'USER 2:3', 'RUN d'],
      ['FROM a AS b', 'USER 1', 'FROM b', 'USER 1:0', guard('1'), 'RUN c', 'USER 2:3', 'RUN d']
    ],
    [
      'a user without a group, once as long as the users are the same',
      [
        'FROM a',
        'ARG B=b',
        'COPY --chown=$B c /d',
        'COPY --chown=b e /f',
        'RUN g',
        'COPY --chown=b h /i',
        'ADD --chown=b j /etc/'
      ],
      [
        'FROM a',
        'ARG B=b',
        ownGroup('b'),
        'COPY --chown=$B c /d',
        'COPY --chown=b e /f',
        'RUN g',
        ownGroup('b'),
        'COPY --chown=b h /i',
        'ADD --chown=b j /etc/'
      ]
    ],
    [
      'labels that are read twice',
      ['FROM a', `LABEL b=$C "d e"='"f"' g=\\$h`],
      ['FROM a', String.raw`LABEL "b"="\$C" "d e"="'\"f\"'" "g"="\\\$h"`]
    ],
    ['a wildcard for nothing', ['FROM a', 'COPY no* *.md \\', ' /b/', 'RUN c'], ['FROM a', '', '', 'RUN c']],
    [
      'a mount of memory',
      ['FROM a', 'RUN --mount=type=tmpfs,target=/b,size=1 --network=default c', 'CMD d'],
      ['FROM a', 'RUN --mount=type=cache,target=/b,id=slipway-2-0,mode=0777 --network=default c', 'CMD d']
    ],
    [
      'an archive that stays one',
      ['FROM a', 'ADD --chown=1:1 --unpack=false b.tar /c'],
      ['FROM a', 'COPY --chown=1:1 b.tar /c']
    ],
    ['what is packed and no archive', ['FROM a', 'ADD p.gz /c'], ['FROM a', 'COPY p.gz /c']],
    [
      'archives with directories of others',
      ['ARG A', 'FROM a', 'ADD t.tar u.tar /e/', 'ADD t.tar /'],
      [
        'ARG A',
        'FROM scratch AS slipway-empty-4',
        'WORKDIR /empty',
        'FROM scratch AS slipway-empty-3',
        'WORKDIR /empty',
        'FROM a',
        'COPY --from=slipway-empty-3 /empty /e/b',
        'COPY --from=slipway-empty-3 /empty /e/c/d',
        'ADD t.tar u.tar /e/',
        'COPY --from=slipway-empty-4 /empty /c/d',
        'ADD t.tar /'
      ]
    ],
    [
      'several sources to one name',
      ['FROM a', 'COPY --chown=1:1 *.txt dir /b', 'COPY --from=c d e /f'],
      [
        'FROM a',
        'COPY --chown=1:1 /a.txt /b',
        'COPY --chown=1:1 /b.txt /b',
        'COPY --chown=1:1 dir /b',
        'COPY --from=c d /f',
        'COPY --from=c e /f'
      ]
    ],
    ['a path above the context', ['FROM a', 'COPY ../b ./../c/ d /e/'], ['FROM a', 'COPY /b /c/ d /e/']],
    [
      'what is fetched',
      ['FROM a', 'USER b', 'ADD https://c/d /e'],
      ['FROM a', 'USER b', 'ADD --chown=0:0 https://c/d /e']
    ]
  ])('%s', (_what, lines, expected) => {
    expect(rewritten(lines)).toEqual(expected)
  })

  it.each<[string, string[], string[]]>([
    [
      'a name of two stages',
      ['FROM a AS b', 'FROM b AS c', 'FROM d AS B', 'RUN e', 'FROM c', 'COPY --from=b g h'],
      ['FROM a AS slipway-stage-0', 'FROM slipway-stage-0 AS c', 'FROM d AS B', 'RUN e', 'FROM c', 'COPY --from=b g h']
    ],
    [
      'a trigger, in the stage that sets it off',
      ['FROM a AS b', 'ONBUILD RUN <<E', 'c', 'E', 'ONBUILD EXPOSE 1-2', 'FROM b', 'RUN d'],
      ['FROM a AS b', '', '', '', '', 'FROM b', 'RUN # <<#1', 'c', '#1', 'EXPOSE 1/tcp 2/tcp', 'RUN d']
    ],
    [
      'another escape',
      ['# escape=`', 'FROM a', 'ENV B=c`$d `', '  e="f`"g\\h" i=\'`j\\\'', 'COPY ["k`$l", "/m"]', 'RUN n `', ' o\\p'],
      [
        '# escape=\\',
        'FROM a',
        'ENV B=c\\$d   e="f\\"g\\\\h" i=\'`j\\\'',
        '',
        'COPY ["k\\\\$l","/m"]',
        'RUN n  o\\p',
        ''
      ]
    ],
    [
      'a part of a directory',
      ['FROM a', 'COPY --chown=1:1 --exclude=[bcdflotpuwx]* . /b'],
      [
        'FROM scratch AS slipway-files-2',
        'WORKDIR /tree0',
        'COPY ["/a.txt","/tree0/"]',
        'FROM a',
        'COPY --from=slipway-files-2 --chown=1:1 /tree0 /b'
      ]
    ],
    [
      'a file that is named, whatever is left out',
      ['FROM a', 'COPY --exclude=file file dir /b/'],
      [
        'FROM scratch AS slipway-files-2',
        'WORKDIR /tree1',
        'FROM a',
        'COPY file /b/',
        'COPY --from=slipway-files-2 /tree1 /b/'
      ]
    ],
    [
      'files with their directories',
      ['FROM a', 'ADD --parents dir/f* a.txt /b/'],
      [
        'FROM scratch AS slipway-files-2',
        'WORKDIR /tree0',
        'COPY ["/dir","/tree0/dir"]',
        'WORKDIR /tree1',
        'COPY ["/a.txt","/tree1/"]',
        'FROM a',
        'COPY --from=slipway-files-2 /tree0 /b/',
        'COPY --from=slipway-files-2 /tree1 /b/'
      ]
    ],
    [
      'a directory that was given away',
      ['FROM a', 'RUN mkdir /b && chown c /b', 'COPY dir /b'],
      ['FROM a', 'RUN mkdir /b && chown c /b', 'COPY ["/dir/file","/b/"]']
    ],
    [
      'a tree that was given away',
      ['FROM a', 'RUN chown -R c:d /b', 'COPY dir /b/c/', 'CMD e'],
      ['FROM a', 'RUN chown -R c:d /b', looks(3, '/b/c'), 'COPY dir /b/c/', gives(3, '/b/c'), 'CMD e']
    ],
    [
      'a WORKDIR of root under an owner',
      ['FROM a', 'WORKDIR /b', 'COPY --chown=c:d dir file ./'],
      ['FROM a', 'WORKDIR /b', 'COPY --chown=c:d ["/dir/file","./"]', 'COPY --chown=c:d ["file","./"]']
    ],
    [
      'a directory of a stage that was given away',
      ['FROM a AS b', 'WORKDIR /c', 'RUN chown -R d .', 'FROM e', 'USER f:g', 'COPY --from=b /c /c'],
      [
        'FROM a AS b',
        'WORKDIR /c',
        'RUN chown -R d .',
        'FROM e',
        'USER f:g',
        'USER 0:0',
        looks(6, '/c'),
        'USER f:g',
        'COPY --from=b /c /c',
        'USER 0:0',
        gives(6, '/c'),
        'USER f:g'
      ]
    ],
    [
      'a directory with a mode, and a file in the place of a link',
      ['FROM a', 'RUN chmod 700 /b/dir && ln -s c /b/file', 'COPY . /b'],
      [
        'FROM a',
        'RUN chmod 700 /b/dir && ln -s c /b/file',
        'RUN ["/bin/sh","-c","rm -f /dev/slipway-owner-3 /b/file"]',
        'COPY . /b',
        'RUN ["/bin/sh","-c","chmod 755 /b/dir"]'
      ]
    ],
    [
      '--link over directories that are there',
      ['FROM a', 'RUN mkdir -m 700 /b', 'COPY --link --chown=1:1 file /b/c/'],
      [
        'FROM scratch AS slipway-way-3',
        'WORKDIR /empty',
        'WORKDIR /tree/b/c',
        'FROM a',
        'RUN mkdir -m 700 /b',
        'COPY --from=slipway-way-3 --chmod=755 --chown=1:1 /tree /',
        'COPY --from=slipway-way-3 /empty /',
        'COPY --chown=1:1 file /b/c/'
      ]
    ],
    [
      'a wildcard that is the directory as well',
      ['FROM a', 'COPY [adf]* *.txt /b/', 'COPY *.* /c/'],
      ['FROM a', 'COPY [adf]* *.txt /b/', 'COPY /a.txt /b.txt /p.gz /t.tar /u.tar /x.bin /c/']
    ],
    [
      'mounts below a WORKDIR',
      ['FROM a', 'WORKDIR /b', 'RUN --mount=source=c,target=d --mount=type=cache,target=/e f'],
      ['FROM a', 'WORKDIR /b', 'RUN --mount=source=c,target=/b/d --mount=type=cache,target=/e f']
    ],
    [
      'a shell that is to be looked for',
      ['FROM a', 'SHELL ["bash", "-c"]', 'RUN b "c" \\', ' d'],
      ['FROM a', 'SHELL ["bash", "-c"]', 'RUN ["bash","-c","b \\"c\\"  d"]', '']
    ],
    [
      'a user with a default',
      ['FROM a', 'ARG B=c', 'USER ${B:-d}', 'USER ${E:-f}:${G:-h}'],
      ['FROM a', 'ARG B=c', 'USER c', 'ARG slipway_user_4=${E:-f}:${G:-h}', 'USER $slipway_user_4']
    ],
    [
      'a WORKDIR that is gone',
      ['FROM a', 'WORKDIR /b/c', 'RUN rm -r ../c', 'RUN d'],
      ['FROM a', 'WORKDIR /b/c', 'RUN rm -r ../c', 'WORKDIR /b/c', 'RUN d']
    ]
  ])('what is there: %s', (_what, lines, expected) => {
    expect(rewritten(lines)).toEqual(expected)
  })

  it.each<[string, string]>([
    ['COPY link /x/', 'COPY /file /x/link'],
    ['COPY --chown=1:1 a/link ./', 'COPY --chown=1:1 /dir/file ./link'],
    ['COPY a/same/file x /y/', 'COPY /dir/file x /y/'],
    ['COPY link .', 'COPY /file ./link'],
    ['COPY dirlink /x', 'COPY /dir /x'],
    ['COPY dirlink/file /x', 'COPY /dir/file /x'],
    ['COPY l* /x/', 'COPY /file /x/link'],
    ['ADD tarlink /x/', 'ADD /u.tar /x/'],
    ['COPY tarlink /x/', 'COPY /u.tar /x/tarlink'],
    ['ADD ["link", "/x y/"]', 'ADD ["/file","/x y/link"]']
  ])('a link by name: %s', (line, expected) => {
    expect(rewritten(['FROM a', line], LINKS)).toEqual(['FROM a', expected])
  })

  it('links among others', () => {
    const expected = ['COPY /file /x/link', 'COPY /dir/file /x/link', 'COPY dir /x/']
    expect(rewritten(['FROM a', 'COPY link a/link dir /x/'], LINKS)).toEqual(['FROM a', ...expected])
  })

  it.each(['COPY link a/link /x', 'COPY \\\\l* /x/', 'COPY $L /x/', 'COPY circle /x/'])(
    'a link by name is refused where nobody knows what the copy is called: %s',
    (line) => {
      expect(refusals(['FROM a', line], LINKS)).toEqual(['2 copy-link'])
    }
  )

  it('a link whose copy may be a file or in a directory has its name in a stage of its own', () => {
    const lines = ['# syntax=docker/dockerfile:1', 'ARG A=a', 'FROM $A', 'COPY --chown=1 link /x', 'CMD b']
    expect(rewritten(lines, LINKS)).toEqual([
      '# syntax=docker/dockerfile:1',
      'ARG A=a',
      'FROM scratch AS slipway-link-4',
      'COPY /file /link',
      'FROM $A',
      'COPY --from=slipway-link-4 --chown=1 /link /x',
      'CMD b'
    ])
    expect(refusals([...lines, 'COPY --from=0 /y /z'], LINKS)).toEqual(['4 copy-link', '6 stage-later'])
  })

  it('keeps every other byte of the file', () => {
    const lines = ['\uFEFF# é \r', 'FROM a\r', '\r', 'cmd b\r', '# c', 'ENTRYPOINT d\r', '']
    expect(rewritten(lines)).toEqual(lines.map((line) => (line === 'cmd b\r' ? 'CMD b' : line)))
  })

  it('refuses what would become too long for a line of a Dockerfile', () => {
    const body = `echo ${'a'.repeat(40_000)}\necho ${'b'.repeat(40_000)}`
    expect(refusals(['FROM a', 'SHELL ["/b"]', 'RUN <<E', ...body.split('\n'), 'E'])).toEqual(['3 run-heredoc'])
  })
})

describe('for BuildKit, whose root may be nobody on the node', () => {
  const { platform, context } = surroundings({ link: 's/u' })
  const given = {
    platform,
    context: {
      ...context,
      directories: new Map([...context.directories, ['s', 0o755]]),
      paths: new Set([...context.paths, 's', 's/u', 's/g g']),
      special: new Map([['s/u', 0o4755]])
    }
  }
  const { capabilities } = buildkit
  const rewrittenTo = (...lines: readonly string[]) => judge(['FROM a', ...lines].join('\n'), given, capabilities)

  it.each([
    ['COPY s /s', 'COPY --chmod=4755 /s/u /s/u'],
    ['COPY s/ ./', 'COPY --chmod=4755 /s/u ./u'],
    ['COPY . /x/', 'COPY --chmod=4755 /s/u /x/s/u'],
    ['COPY --chown=1:2 s/u a.txt $d/', 'COPY --chown=1:2 --chmod=4755 /s/u $d/'],
    ['COPY s/u /x', 'COPY --chmod=4755 /s/u /x'],
    ['COPY ["s/*", "/x/"]', 'COPY --chmod=4755 /s/u /x/'],
    ['ADD --link s /s', 'COPY --link --chmod=4755 /s/u /s/u']
  ])('%s gives a file its setuid once more', (line, added) => {
    expect(rewrittenTo('ARG d=/d', line, 'CMD b')).toMatchObject({
      refused: [],
      text: ['FROM a', 'ARG d=/d', line, added, 'CMD b'].join('\n')
    })
  })

  it.each(['COPY --chmod=755 s /s', 'COPY a.txt dir /s/', 'COPY --from=b /s /s', 'COPY <<E /s\ns/u\nE', 'RUN true'])(
    '%s is left as it is',
    (line) => expect(rewrittenTo(line)).toMatchObject({ refused: [], rewritten: [] })
  )

  it.each(['COPY --exclude=g s /s', 'COPY $who /s', 'COPY link /s', 'COPY s "/a b"'])(
    '%s is refused where what it copies is not known, or could not be said',
    (line) => expect(rewrittenTo(line).refused).toMatchObject([{ construct: 'copy-setuid', line: 2 }])
  )
})

describe('every file', () => {
  it('is built as it is by a builder whose table says right', () => {
    const right = Object.fromEntries(CONSTRUCT_NAMES.map((name) => [name, 'right'])) as typeof KANIKO_CAPABILITIES
    const text = 'FROM a\nRUN --network=none <<E\nb\nE\nCOPY --parents link /d'
    expect(judge(text, surroundings(LINKS), right)).toEqual({ refused: [], rewritten: [], unsure: [], text })
  })

  const PARTS = [
    'FROM a\n',
    'FROM a AS b\n',
    'FROM b\n',
    'cmd c\n',
    'ENTRYPOINT d\n',
    'VOLUME /e\n',
    'RUN f\n',
    'EXPOSE 1-3\n',
    'USER 5\n'
  ]
  const HEREDOCS = [
    'RUN <<E\ng\nE\n',
    'RUN <<E\n#!h\nE\n',
    'SHELL ["i"]\n',
    '# j\n',
    '\n',
    'COPY link k/\n',
    'ADD http://l /m\n'
  ]

  /** Written out in lines of their own: a script, a link's name, the group of a user. */
  const NEEDS_LINES = /#!|link|USER/

  it('that was rewritten has nothing left to rewrite, and its lines where they were', () => {
    const parts = fc.array(fc.constantFrom(...PARTS, ...HEREDOCS), { maxLength: 12 })
    fc.assert(
      fc.property(parts, (chosen) => {
        const text = chosen.join('')
        const { refused, text: once } = judge(text, surroundings(LINKS), KANIKO_CAPABILITIES)
        if (refused.length > 0) return
        expect(judge(once, surroundings(LINKS), KANIKO_CAPABILITIES)).toMatchObject({
          refused: [],
          rewritten: [],
          text: once
        })
        const places = (file: string) =>
          parseDockerfile(file).instructions.flatMap(({ name, line }) => (name === 'FROM' ? [line] : []))
        if (!NEEDS_LINES.test(text)) expect(places(once)).toEqual(places(text))
      })
    )
  })

  it('ends, whatever it is', { timeout: FUZZ_TIMEOUT_MS }, async () => {
    const text = evilText(
      ...PARTS,
      ...HEREDOCS,
      'ARG A=${A:-',
      'ENV A=$A$A\n',
      'COPY $A ../',
      '\\\n',
      '--from=',
      '--mount=from=$A '
    )
    await survives(text, (input) => judge(input, surroundings(LINKS), KANIKO_CAPABILITIES))
  })
})
