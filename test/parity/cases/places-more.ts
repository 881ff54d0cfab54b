/** Users, directories, volumes and triggers in the combinations that the Dockerfile reference leaves to its readers. */
import { busybox, debian, dockerfile, group } from '../case.ts'

const APP =
  "RUN mkdir -p /etc && echo 'root:x:0:0::/root:/bin/sh' > /etc/passwd && echo 'app:x:1500:1600::/home/app:/bin/sh' >> /etc/passwd && echo 'root:x:0:' > /etc/group && echo 'app:x:1600:' >> /etc/group && echo 'more:x:1700:app' >> /etc/group\n"

export const users = group('USER', {
  'a name and a number': busybox(`${APP}USER app:7\nRUN echo "$(id -u):$(id -g)" > /tmp/out`, {
    files: { '/tmp/out': '1500:7\n' }
  }),
  'a number and a name': busybox(`${APP}USER 7:app\nRUN echo "$(id -u):$(id -g)" > /tmp/out`, {
    files: { '/tmp/out': '7:1600\n' }
  }),
  'in quotes': busybox(`${APP}USER "app"\nRUN touch /tmp/out`, { files: { '/tmp/out': /1500:1600/ } }),
  'root by name after another': busybox(`${APP}USER app\nUSER root\nRUN touch /out`, {
    files: { '/out': /0:0/ },
    config: { User: 'root' }
  }),
  'root with another group': busybox('USER 0:50\nRUN touch /out', { files: { '/out': /0:50/ } }),
  'a number with WORKDIR and COPY': busybox('USER 1234\nWORKDIR /w\nCOPY f .\nRUN touch g', {
    context: { f: 'x\n' },
    files: { '/w': /1234:/, '/w/f': /0:0/, '/w/g': /1234:0/ }
  }),
  'that was made by useradd': debian(
    'RUN useradd -m -u 1234 -G users app\nUSER app\nRUN id > ~/out && echo "$HOME" >> ~/out',
    { files: { '/home/app/out': /1234:1234/ } }
  ),
  'that was made by useradd, by its number': debian(
    'RUN useradd -m -u 1234 app\nUSER 1234\nRUN echo "$(id -g) $HOME" > /tmp/out'
  ),
  'of a name with a group that is not there': busybox(`${APP}USER app:none\nRUN true`, { refused: true }),
  'ENTRYPOINT and CMD take none of it': busybox(`${APP}USER app\nENTRYPOINT ["a"]`, {
    config: { Entrypoint: ['a'], User: 'app' }
  }),
  'of the base, in a stage that sets none': dockerfile(
    `FROM %busybox% AS a\n${APP}USER app\nFROM a AS b\nRUN touch /tmp/b\nFROM b\nCOPY f /f\nRUN touch /tmp/c\n`,
    {
      context: { f: 'x\n' },
      files: { '/tmp/b': /1500:1600/, '/tmp/c': /1500:1600/, '/f': /0:0/ }
    }
  ),
  'a heredoc under it': busybox(`${APP}USER app\nCOPY <<EOF /tmp/f\nx\nEOF\nRUN <<EOF\ntouch /tmp/g\nEOF`, {
    files: { '/tmp/f': /0:0/, '/tmp/g': /1500:1600/ }
  }),
  'ADD of an archive under it': busybox('USER 5:6\nADD t.tar /out', {
    context: { 't.tar': { tar: { 'd/f': { text: 'x', owner: [7, 8] } } } },
    files: { '/out/d/f': /7:8/ }
  })
})

export const directories = group('WORKDIR', {
  'relative after a variable': busybox('ENV b=sub\nWORKDIR /a\nWORKDIR $b\nWORKDIR ../${b}2', {
    config: { WorkingDir: '/a/sub2', Env: { PATH: '/bin:/usr/bin', b: 'sub' } },
    files: { '/a/sub2': /^dir/ }
  }),
  'above the root': busybox('WORKDIR ../../a', { config: { WorkingDir: '/a' } }),
  'of a home that is not expanded': busybox('WORKDIR ~/a\nRUN pwd > /out'),
  'with an escaped blank': busybox('WORKDIR /a\\ b\nRUN touch f', { files: { '/a b/f': /^file/ } }),
  'beyond ASCII': busybox('WORKDIR /größe\nRUN touch f', { files: { '/größe/f': /^file/ } }),
  'makes parents of a user': busybox('USER 5:6\nWORKDIR /a/b/c', {
    files: { '/a': /^dir 755 5:6/, '/a/b/c': /^dir 755 5:6/ }
  }),
  'keeps a setgid directory': busybox('RUN mkdir /a && chgrp 50 /a && chmod 2775 /a\nWORKDIR /a/b', {
    files: { '/a/b': /^dir/ }
  }),
  'of ONBUILD': dockerfile('FROM %busybox% AS a\nWORKDIR /a\nONBUILD WORKDIR b\nFROM a\nRUN touch f\n', {
    files: { '/a/b/f': /^file/ }
  }),
  'in a stage of scratch': dockerfile('FROM scratch\nWORKDIR /w\nCOPY f .\n', {
    context: { f: 'x\n' },
    files: { '/w/f': 'x\n' },
    config: { WorkingDir: '/w' }
  }),
  'of an empty variable': busybox('WORKDIR /a\nWORKDIR $none\nRUN pwd > /out')
})

export const volumes = group('VOLUME', {
  'with a variable in JSON': busybox('ENV d=/v\nVOLUME ["$d/x"]', {
    config: { Volumes: ['/v/x'], Env: { PATH: '/bin:/usr/bin', d: '/v' } }
  }),
  'with a slash at its end': busybox('VOLUME /v/'),
  'twice the same': busybox('VOLUME /v\nVOLUME /v /v', { config: { Volumes: ['/v'] } }),
  'and a user that writes': busybox('RUN mkdir -m 777 /v\nVOLUME /v\nUSER 5:6\nRUN touch /v/f', {
    files: { '/v/f': /5:6/ }
  }),
  'copied from afterwards': dockerfile(
    'FROM %busybox% AS a\nVOLUME /v\nRUN mkdir -p /v && echo x > /v/f\nFROM %busybox%\nCOPY --from=a /v /w\n',
    { files: { '/w/f': 'x\n' } }
  ),
  'a volume of a directory of the base': debian('VOLUME /var/lib\nRUN mkdir /var/lib/mine && touch /var/lib/mine/f', {
    files: { '/var/lib/mine/f': /^file/ }
  }),
  'a volume in a parent, removed in the child': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /v && touch /v/f\nVOLUME /v\nFROM a\nRUN rm -r /v\n',
    { absent: ['/v/f'] }
  ),
  'ADD of an archive below it': busybox('VOLUME /v\nADD t.tar /v', {
    context: { 't.tar': { tar: { a: '1' } } },
    files: { '/v/a': '1' }
  }),
  'a heredoc below it': busybox('VOLUME /v\nCOPY <<EOF /v/f\nx\nEOF', { files: { '/v/f': 'x\n' } })
})

export const triggers = group('ONBUILD', {
  'of every kind': busybox(
    'ONBUILD ADD a /b\nONBUILD ARG c=d\nONBUILD CMD ["e"]\nONBUILD ENTRYPOINT ["f"]\nONBUILD ENV g=h\nONBUILD EXPOSE 1\nONBUILD HEALTHCHECK NONE\nONBUILD LABEL i=j\nONBUILD SHELL ["k"]\nONBUILD STOPSIGNAL 9\nONBUILD USER l\nONBUILD VOLUME /m\nONBUILD WORKDIR /n'
  ),
  'a chain of three': dockerfile(
    'FROM %busybox% AS a\nONBUILD RUN echo a >> /out\nFROM a AS b\nONBUILD RUN echo b >> /out\nFROM b\n',
    { files: { '/out': 'a\nb\n' } }
  ),
  'for two children': dockerfile(
    'FROM %busybox% AS a\nONBUILD RUN echo x >> /out\nFROM a AS b\nRUN echo b >> /out\nFROM a\nCOPY --from=b /out /other\n',
    { files: { '/out': 'x\n', '/other': 'x\nb\n' } }
  ),
  'ARG and ENV in order': dockerfile(
    'FROM %busybox% AS a\nONBUILD ARG v=1\nONBUILD ENV w=$v\nFROM a\nRUN echo "$v$w" > /out\n',
    { files: { '/out': '11\n' } }
  ),
  'COPY --from a stage': dockerfile(
    'FROM %busybox% AS s\nRUN echo x > /f\nFROM %busybox% AS a\nONBUILD COPY --from=s /f /g\nFROM a\n',
    { files: { '/g': 'x\n' } }
  ),
  'USER that stays': dockerfile('FROM %busybox% AS a\nONBUILD USER 5:6\nFROM a\nRUN touch /tmp/f\n', {
    files: { '/tmp/f': /5:6/ },
    config: { User: '5:6' }
  }),
  'VOLUME and a RUN after it': dockerfile(
    'FROM %busybox% AS a\nONBUILD VOLUME /v\nFROM a\nRUN mkdir -p /v && touch /v/f\n',
    { files: { '/v/f': /^file/ } }
  ),
  'SHELL and RUN': dockerfile(
    'FROM %busybox% AS a\nONBUILD SHELL ["/bin/sh", "-ec"]\nONBUILD RUN echo "$-" > /out\nFROM a\n'
  ),
  'ENTRYPOINT after CMD of the parent': dockerfile(
    'FROM %busybox% AS a\nCMD ["x"]\nONBUILD ENTRYPOINT ["y"]\nFROM a\n',
    { config: { Entrypoint: ['y'] } }
  ),
  'over lines': dockerfile('FROM %busybox% AS a\nONBUILD RUN echo one \\\n  two > /out\nFROM a\n', {
    files: { '/out': 'one two\n' }
  }),
  'COPY of a link': dockerfile('FROM %busybox% AS a\nONBUILD COPY l /out\nFROM a\n', {
    context: { t: 'x\n', l: { link: 't' } },
    files: { '/out': 'x\n' }
  }),
  'in small letters with a small instruction': dockerfile('FROM %busybox% AS a\nonbuild cmd ["x"]\nFROM a\n', {
    config: { Cmd: ['x'] }
  }),
  'USER by number and RUN': dockerfile('FROM %busybox% AS a\nONBUILD USER 5\nONBUILD RUN touch /tmp/f\nFROM a\n', {
    files: { '/tmp/f': /5:0/ }
  }),
  'EXPOSE of a range': dockerfile('FROM %busybox% AS a\nONBUILD EXPOSE 80-81\nFROM a\n', {
    config: { ExposedPorts: ['80/tcp', '81/tcp'] }
  }),
  'is noted, of a stage that had some': dockerfile(
    'FROM %busybox% AS a\nONBUILD RUN echo a\nFROM a\nONBUILD RUN echo b\n',
    { config: { OnBuild: ['RUN echo b'] } }
  )
})

export const heredocs = group('Heredoc', {
  'RUN of one with two redirections': busybox('RUN <<EOF cat > /out\nx\nEOF', { files: { '/out': 'x\n' } }),
  'RUN with a command behind': busybox('RUN <<EOF sh -e\necho x > /out\nEOF', { files: { '/out': 'x\n' } }),
  'RUN with a number': busybox('RUN cat 3<<EOF <&3 > /out\nx\nEOF', { files: { '/out': 'x\n' } }),
  'RUN with a pipe': busybox('RUN cat <<EOF | tr a b > /out\naaa\nEOF', { files: { '/out': 'bbb\n' } }),
  'RUN with windows lines and a shebang': busybox('RUN <<EOF\n#!/bin/sh\necho "$0" | sed "s,.*/,," > /out\nEOF', {}),
  'RUN with a shebang and blanks in front': busybox('RUN <<-EOF\n\t#!/bin/sh\n\techo x > /out\nEOF', {
    files: { '/out': 'x\n' }
  }),
  'RUN of two scripts in a row': busybox(
    'RUN <<ONE\n#!/bin/sh\necho 1 > /out\nONE\nRUN <<TWO\n#!/bin/sh\necho 2 >> /out\nTWO',
    { files: { '/out': '1\n2\n' } }
  ),
  'RUN of a script under USER': busybox('USER 5:6\nRUN <<EOF\n#!/bin/sh\ntouch /tmp/out\nEOF', {
    files: { '/tmp/out': /5:6/ }
  }),
  'RUN of a body with quotes of all kinds': busybox(`RUN <<EOF\necho "a'b" 'c"d' \\"e\\" \`echo f\` > /out\nEOF`, {
    files: { '/out': `a'b c"d "e" f\n` }
  }),
  'RUN of an empty body': busybox('RUN <<EOF\nEOF\nRUN echo x > /out', { files: { '/out': 'x\n' } }),
  'RUN with a name of blanks': busybox('RUN <<"E O F"\necho x > /out\nE O F', { files: { '/out': 'x\n' } }),
  'COPY of three and a file': busybox('COPY <<a f <<"b" /d/\n1\na\n$2\nb', {
    context: { f: 'f\n' },
    files: { '/d/a': '1\n', '/d/b': '$2\n', '/d/f': 'f\n' }
  }),
  'COPY with variables of all kinds': busybox(
    'ARG a=1\nENV b=2\nCOPY <<EOF /out\n$a ${b} ${c:-3} \\$a \\\\ "$b" \'$b\' $\nEOF'
  ),
  'COPY with a name that has a path': busybox('COPY <<a/b /d/\nx\na/b', { refused: true }),
  'COPY with a name that is a number': busybox('COPY <<1 /d/\nx\n1', { files: { '/d/1': 'x\n' } }),
  'COPY onto a directory': busybox('RUN mkdir /d\nCOPY <<EOF /d\nx\nEOF', { files: { '/d/EOF': 'x\n' } }),
  'COPY into a WORKDIR': busybox('WORKDIR /w\nCOPY <<EOF f\nx\nEOF\nCOPY <<EOF ./g/\ny\nEOF', {
    files: { '/w/f': 'x\n', '/w/g/EOF': 'y\n' }
  }),
  'COPY with --link': busybox('COPY --link <<EOF /a/b\nx\nEOF', { files: { '/a/b': 'x\n' } }),
  'COPY with an end that looks like its body': busybox('COPY <<EOF /out\n EOF\nEOF \nEOFF\nEOF', {
    files: { '/out': ' EOF\nEOF \nEOFF\n' }
  }),
  'COPY with non-ASCII': busybox('COPY <<EOF /größe\n日本 $none🙂\nEOF', { files: { '/größe': '日本 🙂\n' } }),
  'ADD with owner and mode': busybox('ADD --chown=5:6 --chmod=600 <<EOF /out\nx\nEOF', {
    files: { '/out': /^file 600 5:6/ }
  }),
  'ADD of what looks like an archive': busybox('ADD <<t.tar /d/\nx\nt.tar', { files: { '/d/t.tar': 'x\n' } })
})
