/** What instructions leave in the config: CMD, ENTRYPOINT, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, SHELL, ONBUILD, VOLUME. */
import { busybox, dockerfile, group } from '../case.ts'

export const commands = group('CMD and ENTRYPOINT', {
  'CMD in exec form': busybox('CMD ["a", "b c"]', { config: { Cmd: ['a', 'b c'] } }),
  'CMD in shell form': busybox('CMD echo "a  b" $HOME', { config: { Cmd: ['/bin/sh', '-c', 'echo "a  b" $HOME'] } }),
  'CMD in lower case': busybox('cmd ["a"]', { config: { Cmd: ['a'] } }),
  'CMD in mixed case, shell form': busybox('Cmd echo a', { config: { Cmd: ['/bin/sh', '-c', 'echo a'] } }),
  'CMD twice': busybox('CMD ["a"]\nCMD ["b"]', { config: { Cmd: ['b'] } }),
  'CMD that is empty': busybox('CMD []'),
  'CMD with single quotes is a shell form': busybox("CMD ['a', 'b']", {
    config: { Cmd: ['/bin/sh', '-c', "['a', 'b']"] }
  }),
  'CMD with an escaped quote': busybox('CMD ["a\\"b", "c\\\\d", "\\u00e9"]', { config: { Cmd: ['a"b', 'c\\d', 'é'] } }),
  'CMD expands nothing': busybox('ENV a=1\nCMD ["$a", "${a}"]', { config: { Cmd: ['$a', '${a}'] } }),
  'CMD over lines': busybox('CMD ["a", \\\n  "b"]', { config: { Cmd: ['a', 'b'] } }),
  'ENTRYPOINT in exec form keeps no CMD of the base': busybox('ENTRYPOINT ["a"]', { config: { Entrypoint: ['a'] } }),
  'ENTRYPOINT in shell form': busybox('ENTRYPOINT exec top -b', {
    config: { Entrypoint: ['/bin/sh', '-c', 'exec top -b'] }
  }),
  'ENTRYPOINT in lower case': busybox('entrypoint ["a"]', { config: { Entrypoint: ['a'] } }),
  'ENTRYPOINT after CMD': busybox('CMD ["b"]\nENTRYPOINT ["a"]', { config: { Entrypoint: ['a'], Cmd: ['b'] } }),
  'ENTRYPOINT before CMD': busybox('ENTRYPOINT ["a"]\nCMD ["b"]', { config: { Entrypoint: ['a'], Cmd: ['b'] } }),
  'ENTRYPOINT that is empty': busybox('ENTRYPOINT []'),
  'ENTRYPOINT twice': busybox('ENTRYPOINT ["a"]\nENTRYPOINT ["b"]', { config: { Entrypoint: ['b'] } }),
  'both in lower case': busybox('entrypoint ["a"]\ncmd ["b"]', { config: { Entrypoint: ['a'], Cmd: ['b'] } }),
  'CMD in a stage, ENTRYPOINT in the next': dockerfile(
    'FROM %busybox% AS a\nENTRYPOINT ["x"]\nCMD ["y"]\nFROM a\nCMD ["z"]\n',
    {
      config: { Entrypoint: ['x'], Cmd: ['z'] }
    }
  )
})

export const metadata = group('EXPOSE, LABEL, STOPSIGNAL, HEALTHCHECK', {
  EXPOSE: busybox('EXPOSE 80', { config: { ExposedPorts: ['80/tcp'] } }),
  'EXPOSE with protocols': busybox('EXPOSE 80/tcp 53/udp 80/udp', {
    config: { ExposedPorts: ['53/udp', '80/tcp', '80/udp'] }
  }),
  'EXPOSE several times': busybox('EXPOSE 80\nEXPOSE 81 82', {
    config: { ExposedPorts: ['80/tcp', '81/tcp', '82/tcp'] }
  }),
  'EXPOSE with a protocol in capitals': busybox('EXPOSE 80/TCP 81/Udp'),
  'EXPOSE of a range': busybox('EXPOSE 7000-7002', { config: { ExposedPorts: ['7000/tcp', '7001/tcp', '7002/tcp'] } }),
  'EXPOSE of a range with a protocol': busybox('EXPOSE 7000-7001/udp', {
    config: { ExposedPorts: ['7000/udp', '7001/udp'] }
  }),
  'EXPOSE of variables': busybox('ARG p=80\nENV q=81/udp\nEXPOSE $p ${q}', {
    config: { ExposedPorts: ['80/tcp', '81/udp'] }
  }),
  'EXPOSE of a word': busybox('EXPOSE http', { refused: true }),
  'EXPOSE of nothing': busybox('EXPOSE', { refused: true }),
  LABEL: busybox('LABEL a=1 b="two words" "c d"=e', { config: { Labels: { a: '1', b: 'two words', 'c d': 'e' } } }),
  'LABEL in the old form': busybox('LABEL a b c', { config: { Labels: { a: 'b c' } } }),
  'LABEL over lines': busybox('LABEL a="1" \\\n  b="2"', { config: { Labels: { a: '1', b: '2' } } }),
  'LABEL again': busybox('LABEL a=1\nLABEL a=2', { config: { Labels: { a: '2' } } }),
  'LABEL with variables': busybox('ARG v=1.2\nENV w=x\nLABEL v=$v w="${w}-y" s=\'$v\' e=\\$v', {
    config: { Labels: { e: '$v', s: '$v', v: '1.2', w: 'x-y' } }
  }),
  'LABEL of nothing': busybox('LABEL a= b=""', { config: { Labels: { a: '', b: '' } } }),
  'LABEL with a newline in it': busybox('LABEL a="one\\\n two"', { config: { Labels: { a: 'one two' } } }),
  'LABEL without a value': busybox('LABEL a', { refused: true }),
  'LABEL with equals signs and quotes': busybox(`LABEL a="b=c" d='"e"' f=\\"g\\"`, {
    config: { Labels: { a: 'b=c', d: '"e"', f: '"g"' } }
  }),
  'STOPSIGNAL by name': busybox('STOPSIGNAL SIGINT', { config: { StopSignal: 'SIGINT' } }),
  'STOPSIGNAL by number': busybox('STOPSIGNAL 9', { config: { StopSignal: '9' } }),
  'STOPSIGNAL of a variable': busybox('ARG s=SIGHUP\nSTOPSIGNAL $s', { config: { StopSignal: 'SIGHUP' } }),
  'STOPSIGNAL that is none': busybox('STOPSIGNAL NONSENSE', { refused: true }),
  'HEALTHCHECK in shell form': busybox('HEALTHCHECK CMD test -e /x', {
    config: { Healthcheck: { Test: ['CMD-SHELL', 'test -e /x'] } }
  }),
  'HEALTHCHECK in exec form': busybox('HEALTHCHECK CMD ["a", "b"]', {
    config: { Healthcheck: { Test: ['CMD', 'a', 'b'] } }
  }),
  'HEALTHCHECK with its options': busybox(
    'HEALTHCHECK --interval=5m --timeout=3s --start-period=1s --retries=4 CMD a',
    {
      config: { Healthcheck: { Interval: 3e11, Retries: 4, StartPeriod: 1e9, Test: ['CMD-SHELL', 'a'], Timeout: 3e9 } }
    }
  ),
  'HEALTHCHECK --start-interval': busybox('HEALTHCHECK --start-interval=2s CMD a', {
    config: { Healthcheck: { StartInterval: 2e9, Test: ['CMD-SHELL', 'a'] } }
  }),
  'HEALTHCHECK NONE': busybox('HEALTHCHECK NONE', { config: { Healthcheck: { Test: ['NONE'] } } }),
  'HEALTHCHECK NONE of a parent stage': dockerfile(
    'FROM %busybox% AS a\nHEALTHCHECK CMD a\nFROM a\nHEALTHCHECK NONE\n',
    {
      config: { Healthcheck: { Test: ['NONE'] } }
    }
  ),
  'HEALTHCHECK in lower case': busybox('healthcheck cmd a', { config: { Healthcheck: { Test: ['CMD-SHELL', 'a'] } } }),
  'HEALTHCHECK with a time that is none': busybox('HEALTHCHECK --interval=soon CMD a', { refused: true }),
  'HEALTHCHECK of an unknown kind': busybox('HEALTHCHECK WHATEVER a', { refused: true })
})

export const shell = group('SHELL', {
  'for RUN': busybox('SHELL ["/bin/sh", "-ec"]\nRUN false; echo on > /out', { refused: true }),
  'with other words': busybox('SHELL ["/bin/sh", "-xc"]\nRUN echo "$-" > /out', {
    config: { Shell: ['/bin/sh', '-xc'] }
  }),
  'for CMD and ENTRYPOINT': busybox('SHELL ["/bin/ash", "-c"]\nCMD a\nENTRYPOINT b', {
    config: { Cmd: ['/bin/ash', '-c', 'a'], Entrypoint: ['/bin/ash', '-c', 'b'], Shell: ['/bin/ash', '-c'] }
  }),
  'does not touch the exec form': busybox('SHELL ["/no/such/shell"]\nRUN ["/bin/touch", "/out"]', {
    files: { '/out': /^file/ }
  }),
  twice: busybox('SHELL ["/no/such/shell"]\nSHELL ["/bin/sh", "-c"]\nRUN echo x > /out', { files: { '/out': 'x\n' } }),
  'ends with the stage': dockerfile(
    'FROM %busybox% AS a\nSHELL ["/no/such/shell"]\nFROM %busybox%\nRUN echo x > /out\n',
    { files: { '/out': 'x\n' } }
  ),
  'of a parent stage': dockerfile(
    'FROM %busybox% AS a\nSHELL ["/bin/ash", "-uc"]\nFROM a\nRUN echo x > /out; echo $none\n',
    { refused: true }
  ),
  'a program that takes the script as its word': busybox('SHELL ["/bin/echo", "said:"]\nRUN anything at all'),
  'no JSON': busybox('SHELL /bin/sh -c', { refused: true }),
  'of HEALTHCHECK': busybox('SHELL ["/bin/ash", "-c"]\nHEALTHCHECK CMD a', {
    config: { Healthcheck: { Test: ['CMD-SHELL', 'a'] }, Shell: ['/bin/ash', '-c'] }
  })
})

export const onbuild = group('ONBUILD', {
  'is noted': busybox('ONBUILD RUN echo x', { config: { OnBuild: ['RUN echo x'] } }),
  'several, in order': busybox('ONBUILD COPY . /src\nONBUILD RUN make all', {
    config: { OnBuild: ['COPY . /src', 'RUN make all'] }
  }),
  'runs in the next stage': dockerfile('FROM %busybox% AS a\nONBUILD RUN echo x > /out\nFROM a\n', {
    files: { '/out': 'x\n' }
  }),
  'runs before what the stage says': dockerfile(
    'FROM %busybox% AS a\nONBUILD RUN echo 1 > /out\nFROM a\nRUN echo 2 >> /out\n',
    { files: { '/out': '1\n2\n' } }
  ),
  'is gone in the stage after': dockerfile('FROM %busybox% AS a\nONBUILD RUN echo x >> /out\nFROM a AS b\nFROM b\n', {
    files: { '/out': 'x\n' }
  }),
  'COPY from the context': dockerfile('FROM %busybox% AS a\nONBUILD COPY f /out\nFROM a\n', {
    context: { f: 'x\n' },
    files: { '/out': 'x\n' }
  }),
  'ENV and WORKDIR': dockerfile(
    'FROM %busybox% AS a\nONBUILD ENV x=1\nONBUILD WORKDIR /w\nFROM a\nRUN echo "$x" > out\n',
    {
      files: { '/w/out': '1\n' },
      config: { WorkingDir: '/w' }
    }
  ),
  CMD: dockerfile('FROM %busybox% AS a\nONBUILD CMD ["x"]\nFROM a\n', { config: { Cmd: ['x'] } }),
  'lower case': busybox('onbuild run echo x'),
  'of ONBUILD': busybox('ONBUILD ONBUILD RUN echo x', { refused: true }),
  'of FROM': busybox('ONBUILD FROM scratch', { refused: true }),
  'of nothing': busybox('ONBUILD', { refused: true }),
  heredoc: dockerfile('FROM %busybox% AS a\nONBUILD RUN <<EOF\necho x > /out\nEOF\nFROM a\n', {
    files: { '/out': 'x\n' }
  })
})

export const volume = group('VOLUME', {
  one: busybox('VOLUME /v', { config: { Volumes: ['/v'] } }),
  'JSON form': busybox('VOLUME ["/v w", "/x"]', { config: { Volumes: ['/v w', '/x'] } }),
  several: busybox('VOLUME /v /w\nVOLUME /x', { config: { Volumes: ['/v', '/w', '/x'] } }),
  'of a variable': busybox('ARG d=/v\nVOLUME $d/x', { config: { Volumes: ['/v/x'] } }),
  'of nothing': busybox('VOLUME', { refused: true }),
  'of an empty word': busybox('VOLUME [""]', { refused: true }),
  'a relative path': busybox('WORKDIR /w\nVOLUME v'),
  'RUN writes below it afterwards': busybox('VOLUME /v\nRUN mkdir -p /v && echo x > /v/f', {
    files: { '/v/f': 'x\n' }
  }),
  'RUN writes below it before': busybox('RUN mkdir /v && echo x > /v/f\nVOLUME /v', { files: { '/v/f': 'x\n' } }),
  'RUN changes its mode': busybox('RUN mkdir /v\nVOLUME /v\nRUN chmod 700 /v && chown 5 /v', {
    files: { '/v': /^dir 700 5:0/ }
  }),
  'COPY below it': busybox('VOLUME /v\nCOPY a /v/a', { context: { a: 'x\n' }, files: { '/v/a': 'x\n' } }),
  'COPY below it after RUN': busybox('VOLUME /v\nRUN echo x\nCOPY a /v/a', {
    context: { a: 'x\n' },
    files: { '/v/a': 'x\n' }
  }),
  'WORKDIR below it': busybox('VOLUME /v\nWORKDIR /v/w\nRUN echo x > f', { files: { '/v/w/f': 'x\n' } }),
  'of a parent stage': dockerfile('FROM %busybox% AS a\nVOLUME /v\nFROM a\nRUN mkdir -p /v && echo x > /v/f\n', {
    files: { '/v/f': 'x\n' }
  }),
  'RUN removes what is below it': busybox('RUN mkdir /v && echo x > /v/f\nVOLUME /v\nRUN rm /v/f', { absent: ['/v/f'] })
})
