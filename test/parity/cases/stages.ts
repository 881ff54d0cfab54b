/** FROM, several stages, and COPY --from. */
import { busybox, debian, dockerfile, group } from '../case.ts'

export const stages = group('FROM and stages', {
  'only FROM': busybox(''),
  'FROM another base': debian(''),
  'FROM scratch with a file': dockerfile('FROM scratch\nCOPY a /\n', { context: { a: 'x\n' }, files: { '/a': 'x\n' } }),
  'FROM scratch and a label': dockerfile('FROM scratch\nLABEL a=b\n', { config: { Labels: { a: 'b' } } }),
  'FROM scratch alone': dockerfile('FROM scratch\n'),
  'no FROM': dockerfile('RUN echo x\n', { refused: true }),
  'an empty Dockerfile': dockerfile('', { refused: true }),
  'only comments': dockerfile('# nothing\n\n# at all\n', { refused: true }),
  'ARG before FROM': dockerfile('ARG base=%busybox%\nFROM ${base}\nRUN echo x > /out\n', { files: { '/out': 'x\n' } }),
  'ARG before FROM, in part of a name': dockerfile('ARG to=1\nFROM %busybox%\nARG to\nRUN echo "$to" > /out\n', {
    files: { '/out': '1\n' }
  }),
  'ARG before FROM is not seen in the stage': dockerfile('ARG x=1\nFROM %busybox%\nRUN echo "[$x]" > /out\n', {
    files: { '/out': '[]\n' }
  }),
  'ARG before FROM, of another one': dockerfile('ARG a=%busybox%\nARG b=$a\nFROM $b\n'),
  'ARG before FROM, with a default of its use': dockerfile('FROM ${none:-%busybox%}\nRUN echo x > /out\n', {
    files: { '/out': 'x\n' }
  }),
  'ARG before FROM, in quotes': dockerfile('ARG a="%busybox%"\nFROM $a\n'),
  'ARG before FROM that is empty': dockerfile('ARG a=\nFROM $a\n', { refused: true }),
  'predefined platform argument in FROM': dockerfile('FROM ${TARGETARCH:+%busybox%}\nRUN echo x > /out\n', {
    files: { '/out': 'x\n' }
  }),
  'BUILDPLATFORM in FROM': dockerfile('FROM --platform=$BUILDPLATFORM %busybox%\nRUN echo x > /out\n', {
    files: { '/out': 'x\n' }
  }),
  'platform of the machine': dockerfile('FROM --platform=linux/amd64 %busybox%\nRUN echo x > /out\n', {
    files: { '/out': 'x\n' }
  }),
  'platform that is not there': dockerfile('FROM --platform=linux/arm64 %busybox%\nRUN echo x > /out\n', {
    files: { '/out': 'x\n' }
  }),
  'lower-case from and as': dockerfile(
    'from %busybox% as One\nrun echo x > /a\nfrom %busybox%\ncopy --from=one /a /b\n',
    { files: { '/b': 'x\n' } }
  ),
  'last stage is the image': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /a\nLABEL of=a\nFROM %busybox% AS b\nRUN echo y > /b\n',
    {
      files: { '/b': 'y\n' },
      absent: ['/a']
    }
  ),
  'stage from a stage': dockerfile(
    'FROM %busybox% AS a\nENV x=1\nWORKDIR /w\nRUN echo a > a\nFROM a\nRUN echo "$x" > b\n',
    {
      files: { '/w/a': 'a\n', '/w/b': '1\n' },
      config: { WorkingDir: '/w' }
    }
  ),
  'stage from a stage, three deep': dockerfile(
    'FROM %busybox% AS a\nRUN echo a > /f\nFROM a AS b\nRUN echo b >> /f\nFROM b AS c\nRUN echo c >> /f && chmod 600 /f\n',
    { files: { '/f': /^file 600/ } }
  ),
  'two stages from one': dockerfile(
    'FROM %busybox% AS a\nRUN echo a > /a\nFROM a AS b\nRUN echo b > /b\nFROM a\nCOPY --from=b /b /c\n',
    { files: { '/a': 'a\n', '/c': 'b\n' }, absent: ['/b'] }
  ),
  'a stage that nobody needs is not built': dockerfile(
    'FROM %busybox% AS a\nRUN exit 1\nFROM %busybox%\nRUN echo x > /out\n',
    {
      files: { '/out': 'x\n' }
    }
  ),
  'a stage named like an earlier one': dockerfile(
    'FROM %busybox% AS a\nRUN echo 1 > /f\nFROM %busybox% AS a\nRUN echo 2 > /f\nFROM a\n',
    {
      files: { '/f': '2\n' }
    }
  ),
  'a stage name that is none': dockerfile('FROM %busybox% AS 1a\n', { refused: true }),
  'an image that is not there': dockerfile('FROM %busybox%-no-such-thing\n', { refused: true }),
  'three words after FROM': dockerfile('FROM %busybox% nonsense\n', { refused: true }),
  'COPY --from a stage by name': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /d && echo x > /d/f\nFROM %busybox%\nCOPY --from=a /d /e\n',
    {
      files: { '/e/f': 'x\n' }
    }
  ),
  'COPY --from a stage by number': dockerfile('FROM %busybox%\nRUN echo x > /f\nFROM scratch\nCOPY --from=0 /f /g\n', {
    files: { '/g': 'x\n' }
  }),
  'COPY --from an image': dockerfile('FROM scratch\nCOPY --from=%busybox% /bin/busybox /bb\n', {
    files: { '/bb': /^file 755/ }
  }),
  'COPY --from a stage that is not there': dockerfile('FROM %busybox%\nCOPY --from=5 /f /g\n', { refused: true }),
  'COPY --from itself': dockerfile('FROM %busybox% AS a\nCOPY --from=a /bin/busybox /g\n', { refused: true }),
  'COPY --from without a slash in front': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /f\nFROM scratch\nCOPY --from=a f /g\n',
    { files: { '/g': 'x\n' } }
  ),
  'COPY --from of a path that is not there': dockerfile(
    'FROM %busybox% AS a\nFROM scratch\nCOPY --from=a /nowhere /g\n',
    { refused: true }
  ),
  'COPY --from with a wildcard': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /d && touch /d/a.x /d/b.y\nFROM scratch\nCOPY --from=a /d/*.x /e/\n',
    {
      files: { '/e/a.x': /^file/ },
      absent: ['/e/b.y']
    }
  ),
  'COPY --from of all of a stage': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /f\nFROM scratch\nCOPY --from=a / /\n',
    { files: { '/f': 'x\n' } }
  ),
  'COPY --from of a directory of many kinds': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir -m 750 /d && cd /d && touch f && ln -s f l && mkfifo p && mkdir t && chown 5:6 f t && chmod 4755 f && chmod 1777 t\nFROM scratch\nCOPY --from=a /d /d\n',
    { files: { '/d/f': /^file 4755 5:6/, '/d/l': /-> f/, '/d/t': /^dir 1777 5:6/ } }
  ),
  'COPY --from keeps owners': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /f && chown 5:6 /f\nFROM scratch\nCOPY --from=a /f /f\n',
    {
      files: { '/f': /^file 644 5:6/ }
    }
  ),
  'COPY --from with --chown': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /f && chown 5:6 /f\nFROM scratch\nCOPY --from=a --chown=7 /f /f\n',
    {
      files: { '/f': /^file 644 7:7/ }
    }
  ),
  'COPY --from of a setuid file': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /f && chmod 4755 /f\nFROM scratch\nCOPY --from=a /f /f\n',
    {
      files: { '/f': /^file 4755/ }
    }
  ),
  'COPY --from of a link, named': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /f && ln -s f /l\nFROM scratch\nCOPY --from=a /l /g\n',
    {
      files: { '/g': 'x\n' }
    }
  ),
  'COPY --from through a link to a directory': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /d && echo x > /d/f && ln -s /d /l\nFROM scratch\nCOPY --from=a /l/f /g\n',
    { files: { '/g': 'x\n' } }
  ),
  'COPY --from of hard links': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /d && echo x > /d/a && ln /d/a /d/b\nFROM scratch\nCOPY --from=a /d /d\n',
    {
      files: { '/d/b': 'x\n' }
    }
  ),
  'COPY --from of a file capability': dockerfile(
    `FROM %debian% AS a\nRUN touch /f && python3 -c "import os; os.setxattr('/f', 'security.capability', bytes.fromhex('0100000200040000000000000000000000000000'))"\nFROM scratch\nCOPY --from=a /f /f\n`,
    { files: { '/f': /security\.capability/ } }
  ),
  'COPY --from over a file of the base': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /f && chmod 600 /f\nFROM %busybox%\nRUN echo old > /f\nCOPY --from=a /f /f\n',
    {
      files: { '/f': 'x\n' }
    }
  ),
  'config of an earlier stage does not come along': dockerfile(
    'FROM %busybox% AS a\nENV x=1\nUSER 5\nWORKDIR /w\nLABEL l=1\nEXPOSE 80\nCMD ["a"]\nFROM %busybox%\nCOPY --from=a /w /w\n',
    { config: { Cmd: ['sh'] } }
  ),
  'config of a parent stage does': dockerfile(
    'FROM %busybox% AS a\nENV x=1\nUSER 5\nWORKDIR /w\nLABEL l=1\nEXPOSE 80\nVOLUME /v\nCMD ["a"]\nSTOPSIGNAL 9\nFROM a\nLABEL m=2\n',
    {
      config: { Cmd: ['a'], User: '5', WorkingDir: '/w', Labels: { l: '1', m: '2' }, Volumes: ['/v'], StopSignal: '9' }
    }
  ),
  'ENTRYPOINT resets the CMD of an earlier stage': dockerfile(
    'FROM %busybox% AS a\nCMD ["a"]\nFROM a\nENTRYPOINT ["b"]\n',
    {
      config: { Entrypoint: ['b'] }
    }
  ),
  'ENV of a parent stage in COPY --from': dockerfile(
    'FROM %busybox% AS a\nENV d=/x\nRUN mkdir /x && echo x > /x/f\nFROM a AS b\nCOPY --from=a $d/f /out\n',
    { files: { '/out': 'x\n' } }
  ),
  'ARG of a parent stage': dockerfile(
    'FROM %busybox% AS a\nARG x=1\nRUN echo "$x" > /a\nFROM a\nRUN echo "[$x]" > /b\n',
    {
      files: { '/a': '1\n', '/b': '[1]\n' }
    }
  ),
  'files of a stage that are removed in the next': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /d && touch /d/x\nFROM a\nRUN rm -r /d\n',
    {
      absent: ['/d', '/d/x']
    }
  ),
  MAINTAINER: busybox('MAINTAINER somebody')
})
