/** Stages as people chain them, mounts among them, and what COPY --from takes along. */
import { busybox, dockerfile, group } from '../case.ts'

export const chains = group('FROM and stages', {
  'COPY --from of a stage that comes later': dockerfile(
    'FROM %busybox%\nCOPY --from=b /f /g\nFROM %busybox% AS b\nRUN echo x > /f\nFROM scratch\nCOPY --from=0 /g /h\n',
    { refused: true }
  ),
  'COPY --from a stage by its name in capitals': dockerfile(
    'FROM %busybox% AS Build\nRUN echo x > /f\nFROM scratch\nCOPY --from=BUILD /f /g\n',
    { files: { '/g': 'x\n' } }
  ),
  'COPY --from of a name that two stages have': dockerfile(
    'FROM %busybox% AS a\nRUN echo 1 > /f\nFROM a AS b\nCOPY --from=a /f /g\nFROM %busybox% AS a\nRUN echo 2 > /f\nFROM b\nCOPY --from=a /f /h\n',
    { refused: true }
  ),
  'a stage named like its base': dockerfile(
    'FROM %busybox% AS busybox\nRUN echo x > /f\nFROM busybox\nRUN cat /f > /g\n',
    {
      files: { '/g': 'x\n' }
    }
  ),
  'ARG of a stage in COPY --from': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /f\nFROM scratch\nARG from=a\nCOPY --from=$from /f /g\n',
    { refused: true }
  ),
  'ARG in a chain of defaults': dockerfile(
    'ARG major=1\nARG minor=${major}.2\nARG full=v${minor}-${tag:-none}\nFROM %busybox%\nARG full\nARG minor\nARG major=9\nRUN echo "$full $minor $major" > /out\n',
    { files: { '/out': 'v1.2-none 1.2 9\n' } }
  ),
  'ARG in front of FROM again in each stage': dockerfile(
    'ARG v=1\nFROM %busybox% AS a\nARG v\nRUN echo "$v" > /a\nFROM %busybox%\nARG v=2\nRUN echo "$v" > /b\nCOPY --from=a /a /a\n',
    { files: { '/a': '1\n', '/b': '2\n' } }
  ),
  'ENV of a stage wins over a later ARG of its child': dockerfile(
    'FROM %busybox% AS a\nENV v=env\nFROM a\nARG v=arg\nRUN echo "$v" > /out\n',
    { files: { '/out': /^file/ } }
  ),
  'COPY --from of a directory that is not root’s, of an image': dockerfile(
    'FROM %busybox%\nCOPY --from=%debian% /var/local /x\n',
    { files: { '/x': /^dir 755 0:0/ } }
  ),
  'COPY --from of a directory of a user': dockerfile(
    'FROM %debian% AS a\nRUN useradd --create-home app && touch /home/app/f\nFROM %debian%\nCOPY --from=a /home/app /x\n',
    { files: { '/x': /^dir 755 0:0/ } }
  ),
  'COPY --from with --chown onto a WORKDIR': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir -p /o/s && echo x > /o/s/f\nFROM %busybox%\nWORKDIR /app\nCOPY --from=a --chown=5:6 /o .\n',
    { files: { '/app': /^dir 755 0:0/, '/app/s/f': /5:6/ } }
  ),
  'COPY --from of modes inside': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir -p /o/s /o/t /o/p && touch /o/u /o/g && chmod 4755 /o/u && chmod 2755 /o/g && chmod 1777 /o/t && chmod 2775 /o/s && chmod 700 /o/p\nFROM %busybox%\nCOPY --from=a /o /o\n',
    { files: { '/o/u': /4755/, '/o/g': /2755/, '/o/t': /1777/, '/o/s': /2775/, '/o/p': /700/ } }
  ),
  'COPY --from of owners inside': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir -p /o/s && touch /o/s/f && chown 5:6 /o/s && chown 7:8 /o/s/f\nFROM %busybox%\nCOPY --from=a /o /o\n',
    { files: { '/o/s': /5:6/, '/o/s/f': /7:8/ } }
  ),
  'COPY --from of a dangling link inside': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /o && ln -s /nowhere /o/l\nFROM scratch\nCOPY --from=a /o /o\n',
    { files: { '/o/l': /-> \/nowhere/ } }
  ),
  'COPY --from of a link that leads nowhere, named': dockerfile(
    'FROM %busybox% AS a\nRUN ln -s /nowhere /l\nFROM scratch\nCOPY --from=a /l /g\n',
    { refused: true }
  ),
  'COPY --from with several sources': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /d && echo 1 > /d/a && echo 2 > /b\nFROM scratch\nCOPY --from=a /d /b /o/\n',
    { files: { '/o/a': '1\n', '/o/b': '2\n' } }
  ),
  'COPY --from of a file of the base image of a stage': dockerfile(
    'FROM %debian% AS a\nFROM %busybox%\nCOPY --from=a /etc/debian_version /v\n',
    { files: { '/v': /^file 644/ } }
  ),
  'COPY --from of an empty directory': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir -m 700 /e\nFROM scratch\nCOPY --from=a /e /e\n',
    {
      files: { '/e': /^dir 755/ }
    }
  ),
  'three stages that copy from each other': dockerfile(
    'FROM %busybox% AS a\nRUN echo a > /a\nFROM %busybox% AS b\nCOPY --from=a /a /a\nRUN echo b >> /a\nFROM %busybox%\nCOPY --from=b /a /a\nRUN echo c >> /a\n',
    { files: { '/a': 'a\nb\nc\n' } }
  ),
  'a stage that only sets what its children use': dockerfile(
    'FROM %busybox% AS base\nENV v=1\nWORKDIR /w\nSHELL ["/bin/sh", "-ec"]\nFROM base AS b\nRUN echo "$v" > f\nFROM base\nCOPY --from=b /w/f g\nCMD cat g\n',
    {
      files: { '/w/g': '1\n' },
      config: {
        Cmd: ['/bin/sh', '-ec', 'cat g'],
        Env: { PATH: '/bin:/usr/bin', v: '1' },
        Shell: ['/bin/sh', '-ec'],
        WorkingDir: '/w'
      }
    }
  ),
  'HEALTHCHECK and STOPSIGNAL of a parent stage': dockerfile(
    'FROM %busybox% AS a\nHEALTHCHECK --retries=2 CMD ["a"]\nSTOPSIGNAL SIGINT\nEXPOSE 1\nFROM a\nEXPOSE 2\n',
    {
      config: {
        ExposedPorts: ['1/tcp', '2/tcp'],
        StopSignal: 'SIGINT',
        Healthcheck: { Retries: 2, Test: ['CMD', 'a'] }
      }
    }
  ),
  'a parent stage that is copied from as well': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /o && echo x > /o/f\nFROM a\nRUN rm -r /o\nCOPY --from=a /o/f /g\n',
    { files: { '/g': 'x\n' }, absent: ['/o'] }
  ),
  'USER of a stage in its child': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir -m 777 /w\nUSER 5:6\nFROM a\nRUN touch /w/f\nCOPY f /g\nUSER 0\nRUN touch /w/h\n',
    { context: { f: 'x\n' }, files: { '/w/f': /5:6/, '/g': /0:0/, '/w/h': /0:0/ } }
  )
})

/** A script leaves in the stage what no text tells. */
const script = (text: string, rest: string, files: Readonly<Record<string, string | RegExp>>) =>
  dockerfile(`FROM %busybox% AS a\nCOPY make /make\nRUN sh /make\n${rest}\n`, { context: { make: `${text}\n` }, files })

export const unseen = group('FROM and stages', {
  'COPY --from of a link that a script made': script('echo x > /f; ln -s f /l', 'FROM scratch\nCOPY --from=a /l /g', {
    '/g': 'x\n'
  }),
  'COPY --from of hard links that a script made': script(
    'mkdir /d; echo x > /d/a; ln /d/a /d/b',
    'FROM scratch\nCOPY --from=a /d /d',
    { '/d/b': 'x\n' }
  ),
  'COPY --from of a named pipe that a script made': script(
    'mkdir /d; mkfifo /d/p',
    'FROM scratch\nCOPY --from=a /d /d',
    { '/d/p': /^pipe/ }
  ),
  'WORKDIR that a script removed': busybox('COPY make /make\nWORKDIR /w\nRUN sh /make\nRUN pwd > /out', {
    context: { make: 'rmdir /w\n' },
    files: { '/w': /^dir 755/, '/out': '/w\n' }
  })
})

export const mounts = group('RUN', {
  '--mount=type=bind of a file of the context': busybox(
    'RUN --mount=type=bind,source=d/f,target=/tmp/f cat /tmp/f > /out',
    { context: { 'd/f': 'x\n' }, files: { '/out': 'x\n' } }
  ),
  '--mount=type=bind onto a directory that is there': busybox(
    'RUN mkdir /in && echo old > /in/old\nRUN --mount=source=d,target=/in ls /in > /out',
    { context: { 'd/f': 'x\n' }, files: { '/out': 'f\n', '/in/old': 'old\n' } }
  ),
  '--mount=type=bind below a WORKDIR': busybox('WORKDIR /w\nRUN --mount=type=bind,target=. ls d > /out', {
    context: { 'd/f': 'x\n' },
    files: { '/out': 'f\n' }
  }),
  '--mount=type=bind that is written to': busybox(
    'RUN --mount=type=bind,target=/in,rw echo y > /in/g && cp /in/g /out',
    {
      context: { f: 'x\n' },
      files: { '/out': 'y\n' }
    }
  ),
  '--mount=type=bind that may not be written to': busybox('RUN --mount=type=bind,target=/in touch /in/g', {
    context: { f: 'x\n' },
    refused: true
  }),
  '--mount=type=cache twice': busybox(
    'RUN --mount=type=cache,target=/c echo x > /c/f\nRUN --mount=type=cache,target=/c cat /c/f > /out || echo none > /out',
    { files: { '/out': 'x\n' } }
  ),
  '--mount=type=cache by an id': busybox(
    'RUN --mount=type=cache,id=one,target=/c echo x > /c/f\nRUN --mount=type=cache,id=one,target=/e cat /e/f > /out',
    { files: { '/out': 'x\n' } }
  ),
  '--mount=type=cache with an owner': busybox(
    'RUN chmod 777 /tmp\nUSER 5:6\nRUN --mount=type=cache,target=/c,uid=5,gid=6,mode=0700 touch /c/f && ls -ldn /c | cut -c1-10 > /tmp/out',
    { files: { '/tmp/out': 'drwx------\n' } }
  ),
  '--mount=type=cache over files of the image': busybox(
    'RUN mkdir /c && echo old > /c/old\nRUN --mount=type=cache,target=/c test ! -e /c/old && echo hidden > /out',
    { files: { '/out': 'hidden\n', '/c/old': 'old\n' } }
  ),
  '--mount=type=tmpfs that is full of nothing': busybox('RUN --mount=type=tmpfs,target=/t ls -A /t > /out', {
    files: { '/out': '' }
  }),
  '--mount=type=secret that is required': busybox('RUN --mount=type=secret,id=s,required=true true', { refused: true }),
  '--mount=type=ssh': busybox('RUN --mount=type=ssh echo x > /out', {
    files: { '/out': /^file/ }
  }),
  '--security=insecure': busybox('RUN --security=insecure true', { refused: true }),
  'two mounts': busybox(
    'RUN --mount=type=bind,source=f,target=/in/f --mount=type=cache,target=/c cp /in/f /c/g && cp /c/g /out',
    { context: { f: 'x\n' }, files: { '/out': 'x\n' } }
  ),
  'a mount and a heredoc': busybox('RUN --mount=type=bind,target=/in <<EOF\ncp /in/f /out\nEOF', {
    context: { f: 'x\n' },
    files: { '/out': 'x\n' }
  }),
  'a mount with a variable': busybox('ARG d=/in\nRUN --mount=type=bind,target=$d cp /in/f /out', {
    context: { f: 'x\n' },
    files: { '/out': 'x\n' }
  }),
  'exec form under a WORKDIR': busybox('WORKDIR /w\nRUN ["sh", "-c", "pwd > out"]', { files: { '/w/out': '/w\n' } }),
  'exec form with variables': busybox('ENV a=1\nRUN ["sh", "-c", "echo $a > /out"]\nRUN ["touch", "/$a"]', {
    files: { '/out': '1\n', '/$a': /^file/ }
  }),
  'limits and the mask': busybox('RUN (umask; id -u; id -g; id -G) > /out'),
  'a name with a backslash and one with a percent': busybox(String.raw`RUN touch '/a\b' '/c%d' '/e:f' '/=g'`, {
    files: { '/c%d': /^file/ }
  }),
  'moves a directory of the base': busybox('RUN mkdir /old && touch /old/f\nRUN mv /old /new', {
    files: { '/new/f': /^file/ },
    absent: ['/old']
  }),
  'a file that is removed and made with another owner': busybox(
    'RUN echo x > /f\nRUN rm /f && echo x > /f && chown 5 /f',
    {
      files: { '/f': /5:0/ }
    }
  ),
  'a file in a sticky directory of another user': busybox(
    'RUN mkdir /s && chmod 1777 /s\nUSER 5:5\nRUN touch /s/a\nUSER 6:6\nRUN touch /s/b; rm -f /s/a; true',
    { files: { '/s/a': /5:5/, '/s/b': /6:6/ } }
  )
})
