/** Corners of the Dockerfile reference: how lines, words, variables and what they set are read. */
import { busybox, debian, dockerfile, group } from '../case.ts'

const env = (Env: Readonly<Record<string, string>>) => ({ config: { Env: { PATH: '/bin:/usr/bin', ...Env } } })

export const lines = group('Directives and lines', {
  'a syntax directive behind a comment': dockerfile(
    '# a comment\n# syntax=example.org/other:1\nFROM %busybox%\nRUN echo x > /out\n',
    {
      files: { '/out': 'x\n' }
    }
  ),
  'a syntax directive behind an empty line': dockerfile(
    '\n# syntax=example.org/other:1\nFROM %busybox%\nRUN echo x > /out\n'
  ),
  'a syntax directive behind a byte order mark': dockerfile(
    '\ufeff# syntax=docker/dockerfile:1\nFROM %busybox%\nRUN echo x > /out\n',
    {
      files: { '/out': 'x\n' }
    }
  ),
  'a syntax directive in two slashes': dockerfile(
    '// syntax=docker/dockerfile:1\nFROM %busybox%\nRUN echo x > /out\n',
    {
      refused: true
    }
  ),
  'a line of a shell in front': dockerfile(
    '#!/usr/bin/env docker\n# syntax=docker/dockerfile:1\nFROM %busybox%\nRUN echo x > /out\n'
  ),
  'all three directives': dockerfile(
    '#syntax=docker/dockerfile:1\n#check=skip=all;error=true\n#escape=\\\nFROM %busybox%\nRUN echo x > /out\n',
    {
      files: { '/out': 'x\n' }
    }
  ),
  'a directive that nobody knows': dockerfile(
    '# whatever=1\n# escape=`\nFROM %busybox%\nRUN echo one \\\n two > /out\n',
    {
      files: { '/out': 'one two\n' }
    }
  ),
  'check that makes warnings errors': dockerfile('# check=error=true\nfrom %busybox% AS a\nRUN echo x > /out\n', {
    refused: true
  }),
  'lines that end as on Windows, in a heredoc': dockerfile(
    'FROM %busybox%\r\nCOPY <<EOF /out\r\none\r\ntwo\r\nEOF\r\n'
  ),
  'lines that end as on Windows, in a heredoc of RUN': dockerfile(
    'FROM %busybox%\r\nRUN <<EOF\r\necho one > /out\r\nEOF\r\n'
  ),
  'lines that end as on Windows, with a JSON form': dockerfile(
    'FROM %busybox%\r\nCMD ["a", \\\r\n "b"]\r\nENTRYPOINT ["c"]\r\n',
    {
      config: { Cmd: ['a', 'b'], Entrypoint: ['c'] }
    }
  ),
  'a comment behind a continued line at the end': dockerfile('FROM %busybox%\nRUN echo x > /out \\\n# the end\n', {
    files: { '/out': 'x\n' }
  }),
  'comments with backslashes': busybox('# a \\\nRUN echo x > /out \\\n  # b \\\n  && echo y >> /out', {
    files: { '/out': 'x\ny\n' }
  }),
  'two backslashes at the end': busybox('RUN echo a\\\\\nRUN echo x > /out', { files: { '/out': 'x\n' } }),
  'a word continued in its middle': busybox('RUN echo one\\\ntwo > /out', { files: { '/out': 'onetwo\n' } }),
  'tabs and blanks in front of continued lines': busybox('RUN echo one \\\n\t\ttwo \\\n    three > /out', {
    files: { '/out': 'one two three\n' }
  }),
  'an instruction and a tab': busybox('RUN\techo x > /out\nENV\ta\tb', { files: { '/out': 'x\n' } }),
  'a continued instruction name': busybox('RUN \\\n  echo x > /out\nCOPY \\\n  f \\\n  /g', {
    context: { f: 'f\n' },
    files: { '/out': 'x\n', '/g': 'f\n' }
  }),
  'form feeds and other blanks': busybox('RUN echo x > /out\u000b\nENV a=b\u00a0c', { refused: true }),
  'escape directive, in paths': dockerfile(
    '# escape=`\nFROM %busybox%\nWORKDIR /a`\n/b\nCOPY f `\n  c/\nRUN echo a\\b `\n  > /out\n',
    {
      context: { f: 'f\n' },
      files: { '/a/b/c/f': 'f\n' }
    }
  ),
  'escape directive, in LABEL and ARG': dockerfile(
    '# escape=`\nFROM %busybox%\nARG a="b`"c"\nLABEL d=$a e=`$a f=\'`$a\' g="h\\i"\n'
  ),
  'escape directive, two lines of a JSON form': dockerfile('# escape=`\nFROM %busybox%\nCMD ["a", `\n  "b\\\\c"]\n', {
    config: { Cmd: ['a', 'b\\c'] }
  })
})

export const words = group('ENV and ARG', {
  'ENV in the old form with equals signs': busybox('ENV a b=c d=e', env({ a: 'b=c d=e' })),
  'ENV in the old form with quotes': busybox('ENV a "b  c" \'d\'', env({ a: 'b  c d' })),
  'ENV in the old form over lines': busybox('ENV a b \\\n  c', env({ a: 'b   c' })),
  'ENV with quotes inside': busybox(`ENV a=b"c d"e'f g'h`, env({ a: 'bc def gh' })),
  'ENV with a name in quotes': busybox('ENV "a b"=c'),
  'ENV of an ARG without a value': busybox('ARG a\nENV b=$a c=${a:-d}', env({ b: '', c: 'd' })),
  'ENV of a variable of the base': busybox('ENV P=$PATH:/x', env({ P: '/bin:/usr/bin:/x' })),
  'ENV with a variable as its name': busybox('ENV n=a\nENV $n=b'),
  'ENV with a newline inside quotes': busybox('ENV a="one \\\ntwo"', env({ a: 'one two' })),
  'ENV with a dollar alone': busybox('ENV a=$ b=$$ c="$" d=$1 e=a$'),
  'ENV with special names': busybox('ENV a=$? b=$@ c=${#}'),
  'ENV with a pattern in brackets': busybox(
    'ENV a=foo.bar\nENV b=${a%.[a-c]*} c=${a#?o}',
    env({ a: 'foo.bar', b: 'foo.bar', c: 'o.bar' })
  ),
  'ENV with a pattern in a variable': busybox('ENV a=x.y p=.*\nENV b=${a%$p}'),
  'ENV with a replacement that is empty': busybox('ENV a=a.b.c\nENV b=${a//.} c=${a/./}', { refused: true }),
  'ENV with an error that does not come': busybox('ENV a=1\nENV b=${a:?no} c=${a?no}', env({ a: '1', b: '1', c: '1' })),
  'ENV with an empty alternative': busybox(
    'ENV a=\nENV b=${a:-x} c=${a-x} d=${a:+y} e=${a+y}',
    env({ a: '', b: 'x', c: '', d: '', e: 'y' })
  ),
  'ENV with a default in quotes': busybox('ENV a=${x:-"b c"} d=${x:-\'$e\'} f="${x:-g h}"'),
  'ENV with UTF-8 in a modifier': busybox('ENV a=äöü\nENV b=${a#ä} c=${a%ü}', env({ a: 'äöü', b: 'öü', c: 'äö' })),
  'ENV that hides a variable of the shell': busybox('ENV HOME=/h PWD=/p USER=u\nRUN echo "$HOME $USER" > /out', {
    files: { '/out': '/h u\n' }
  }),
  'ENV again and again': busybox('ENV a=1\nENV a=${a}2\nENV a=${a}3 b=$a', env({ a: '123', b: '12' })),
  'ENV and PATH for the exec form': busybox('ENV PATH=/opt/x:$PATH\nCOPY --chmod=755 t /opt/x/\nRUN ["t"]', {
    context: { t: '#!/bin/sh\necho x > /out\n' },
    files: { '/out': 'x\n' }
  }),
  'ARG with quotes and dollars': busybox(`ARG a='$b' c="\${d:-e f}"\nRUN echo "$a|$c" > /out`, {
    files: { '/out': '$b|e f\n' }
  }),
  'ARG that is used before it is set again': busybox('ARG a=1\nRUN echo $a > /one\nARG a=2\nRUN echo $a > /two', {
    files: { '/one': '1\n', '/two': '2\n' }
  }),
  'ARG with a value of an ENV': busybox('ENV e=1\nARG a=$e-2\nENV e=3\nRUN echo $a > /out', {
    files: { '/out': '1-2\n' }
  }),
  'ARG with a comment behind': busybox('ARG a=1 # one\nRUN echo "$a" > /out'),
  'ARG in lower and upper case': busybox('ARG a=1\nARG A=2\nRUN echo $a$A > /out', { files: { '/out': '12\n' } }),
  'ARG of a proxy, declared': busybox('ARG http_proxy=http://p\nRUN echo "$http_proxy" > /out'),
  'ARG of PATH': busybox('ARG PATH=/x:/bin\nRUN echo "$PATH" > /out'),
  'ARG with SOURCE_DATE_EPOCH': busybox('ARG SOURCE_DATE_EPOCH\nRUN echo "[$SOURCE_DATE_EPOCH]" > /out', {
    files: { '/out': '[]\n' }
  }),
  'ARG BUILDKIT_SANDBOX_HOSTNAME': busybox('ARG BUILDKIT_INLINE_CACHE=1\nRUN echo "$BUILDKIT_INLINE_CACHE" > /out', {
    files: { '/out': '1\n' }
  }),
  'variables in COPY --chown, --chmod and paths': busybox(
    'ARG o=5:6 m=700 f=d\nENV t=/out\nCOPY --chown=${o} --chmod=${m} ${f}/x ${t}/$f/',
    {
      context: { 'd/x': 'x\n' },
      files: { '/out/d/x': /^file 700 5:6/ }
    }
  ),
  'variables in EXPOSE, STOPSIGNAL and HEALTHCHECK': busybox(
    'ENV p=80 s=SIGINT\nEXPOSE ${p}/tcp $p/udp\nSTOPSIGNAL ${s}\nHEALTHCHECK CMD echo $p',
    {
      config: {
        ExposedPorts: ['80/tcp', '80/udp'],
        StopSignal: 'SIGINT',
        Healthcheck: { Test: ['CMD-SHELL', 'echo $p'] },
        Env: { PATH: '/bin:/usr/bin', p: '80', s: 'SIGINT' }
      }
    }
  ),
  'variables in USER and WORKDIR with defaults': busybox('USER ${u:-5}:${g:-6}\nWORKDIR ${d:-/w}/${e-x}', {
    config: { User: '5:6', WorkingDir: '/w/x' },
    files: { '/w/x': /5:6/ }
  })
})

export const settings = group('EXPOSE, LABEL, STOPSIGNAL, HEALTHCHECK', {
  'LABEL with a variable that is not there': busybox('LABEL a=$none b="${none}x" c=${none:-y}', {
    config: { Labels: { a: '', b: 'x', c: 'y' } }
  }),
  'LABEL with a name of a variable': busybox('ARG n=a\nLABEL $n=1 x.${n}=2', {
    config: { Labels: { a: '1', 'x.a': '2' } }
  }),
  'LABEL with backslashes and newlines': busybox('LABEL a="b\\\\c" d=\'e\\f\' g="h\\ni" j=k\\ l'),
  'LABEL with JSON': busybox(`LABEL a='{"b": ["c", 1]}' d="{\\"e\\": \\"$PATH\\"}"`),
  'LABEL of one name twice on a line': busybox('LABEL a=1 a=2', { config: { Labels: { a: '2' } } }),
  'LABEL of a parent stage again': dockerfile('FROM %busybox% AS a\nLABEL x=1 y=1\nFROM a\nLABEL y=2 z=$x\n', {
    config: { Labels: { x: '1', y: '2', z: '' } }
  }),
  'LABEL beyond ASCII': busybox('LABEL größe="日本 🙂"', { config: { Labels: { größe: '日本 🙂' } } }),
  'LABEL in quotes with blanks around': busybox('LABEL  "a"="1"   b=2  ', { config: { Labels: { a: '1', b: '2' } } }),
  'LABEL in the old form in quotes': busybox('LABEL a "b  c"', { config: { Labels: { a: 'b  c' } } }),
  'EXPOSE of a range in a variable': busybox('ARG r=80-82\nEXPOSE $r', {
    config: { ExposedPorts: ['80/tcp', '81/tcp', '82/tcp'] }
  }),
  'EXPOSE of the same twice': busybox('EXPOSE 80 80/tcp\nEXPOSE 80', { config: { ExposedPorts: ['80/tcp'] } }),
  'EXPOSE with an address': busybox('EXPOSE 127.0.0.1:80:8080'),
  'EXPOSE of too large a number': busybox('EXPOSE 70000', { refused: true }),
  'EXPOSE of zero': busybox('EXPOSE 0'),
  'EXPOSE with a comment behind': busybox('EXPOSE 80 # web', { refused: true }),
  'STOPSIGNAL in lower case': busybox('STOPSIGNAL sigint'),
  'STOPSIGNAL without SIG': busybox('STOPSIGNAL TERM', { config: { StopSignal: 'TERM' } }),
  'STOPSIGNAL RTMIN+3': busybox('STOPSIGNAL SIGRTMIN+3', { config: { StopSignal: 'SIGRTMIN+3' } }),
  'HEALTHCHECK twice': busybox('HEALTHCHECK CMD a\nHEALTHCHECK --retries=1 CMD b', {
    config: { Healthcheck: { Retries: 1, Test: ['CMD-SHELL', 'b'] } }
  }),
  'HEALTHCHECK with options of zero': busybox('HEALTHCHECK --interval=0s --timeout=0s --retries=0 CMD a', {
    config: { Healthcheck: { Test: ['CMD-SHELL', 'a'] } }
  }),
  'HEALTHCHECK with a short time': busybox('HEALTHCHECK --interval=100us CMD a', { refused: true }),
  'HEALTHCHECK with options over lines': busybox(
    'HEALTHCHECK --interval=1m30s \\\n  --timeout=500ms \\\n  CMD ["a", "b c"]',
    { config: { Healthcheck: { Interval: 9e10, Test: ['CMD', 'a', 'b c'], Timeout: 5e8 } } }
  ),
  'HEALTHCHECK with an option it does not have': busybox('HEALTHCHECK --nothing=1 CMD a', { refused: true }),
  'HEALTHCHECK with pipes': busybox('HEALTHCHECK CMD a | b || exit 1', {
    config: { Healthcheck: { Test: ['CMD-SHELL', 'a | b || exit 1'] } }
  }),
  'MAINTAINER with blanks': busybox('MAINTAINER  Some Body <s@b.example>')
})

export const starts = group('CMD and ENTRYPOINT', {
  'CMD with a comment that is none': busybox('CMD ["a"] # b'),
  'CMD with a newline in JSON': busybox('CMD ["a\\nb", "\\t", "\\u0041", ""]', {
    config: { Cmd: ['a\nb', '\t', 'A', ''] }
  }),
  'CMD with broken JSON': busybox('CMD ["a", "b"', { config: { Cmd: ['/bin/sh', '-c', '["a", "b"'] } }),
  'CMD with a comma behind': busybox('CMD ["a",]'),
  'CMD with numbers': busybox('CMD ["a", 1]', { refused: true }),
  'CMD of a heredoc that is none': busybox('CMD <<EOF'),
  'CMD in shell form with quotes and dollars': busybox(`CMD a "b  c" 'd' $E \${F} \\$G \\\n  && h`),
  'CMD in shell form under a SHELL that is set later': busybox('CMD a\nSHELL ["/bin/ash", "-c"]', {
    config: { Cmd: ['/bin/sh', '-c', 'a'], Shell: ['/bin/ash', '-c'] }
  }),
  'ENTRYPOINT that resets the CMD of the base, and CMD again': busybox('ENTRYPOINT ["a"]\nENTRYPOINT []', {}),
  'ENTRYPOINT in a stage, CMD in the next': dockerfile('FROM %busybox% AS a\nENTRYPOINT ["x"]\nFROM a\nCMD ["y"]\n', {
    config: { Entrypoint: ['x'], Cmd: ['y'] }
  }),
  'ENTRYPOINT in two stages': dockerfile(
    'FROM %busybox% AS a\nENTRYPOINT ["x"]\nCMD ["y"]\nFROM a AS b\nENTRYPOINT ["z"]\nFROM b\nLABEL c=d\n',
    { config: { Entrypoint: ['z'], Labels: { c: 'd' } } }
  ),
  'CMD before and ENTRYPOINT in the next but one': dockerfile(
    'FROM %busybox% AS a\nCMD ["y"]\nFROM a AS b\nRUN true\nFROM b\nENTRYPOINT ["z"]\nCMD ["w"]\n',
    { config: { Entrypoint: ['z'], Cmd: ['w'] } }
  ),
  'ENTRYPOINT that is empty, of a parent': dockerfile(
    'FROM %busybox% AS a\nENTRYPOINT ["x"]\nFROM a\nENTRYPOINT []\nCMD ["y"]\n',
    { config: { Cmd: ['y'] } }
  ),
  'CMD of two parents that are copied from': dockerfile(
    'FROM %busybox% AS a\nCMD ["x"]\nRUN echo x > /f\nFROM a AS b\nRUN true\nFROM a\nCOPY --from=b /f /g\nENTRYPOINT ["z"]\n',
    { config: { Entrypoint: ['z'] } }
  )
})

export const shells = group('SHELL', {
  'with CMD before and after': busybox('ENTRYPOINT a\nSHELL ["/bin/ash", "-xc"]\nCMD b', {
    config: { Entrypoint: ['/bin/sh', '-c', 'a'], Cmd: ['/bin/ash', '-xc', 'b'], Shell: ['/bin/ash', '-xc'] }
  }),
  'with words that have blanks': busybox('SHELL ["/bin/sh", "-c", "echo \\"$0\\" > /out"]\nRUN a b  c', {
    files: { '/out': 'a b  c\n' }
  }),
  'that is empty': busybox('SHELL []', { refused: true }),
  'expands nothing': busybox('ENV s=/bin/sh\nSHELL ["$s", "-c"]', {
    config: { Shell: ['$s', '-c'], Env: { PATH: '/bin:/usr/bin', s: '/bin/sh' } }
  }),
  'bash with pipefail and a heredoc for a program': debian(
    'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN cat <<EOF | tr a-z A-Z > /out\nhello $HOME\nEOF',
    { files: { '/out': 'HELLO /ROOT\n' } }
  ),
  python: debian('SHELL ["python3", "-c"]\nRUN open("/out", "w").write("a" * 3)', { files: { '/out': 'aaa' } })
})
