/** USER and WORKDIR: who does what where. */
import { busybox, dockerfile, group } from '../case.ts'

const USERS =
  "RUN echo 'root:x:0:0:root:/root:/bin/sh' > /etc/passwd && echo 'u:x:11:22::/home/u:/bin/sh' >> /etc/passwd && echo 'root:x:0:' > /etc/group && echo 'g:x:33:u' >> /etc/group && echo 'p:x:22:' >> /etc/group\n"

export const user = group('USER', {
  'by number': busybox('USER 1234\nRUN id -u > /tmp/out; id -g >> /tmp/out', {
    files: { '/tmp/out': '1234\n0\n' },
    config: { User: '1234' }
  }),
  'by numbers': busybox('USER 12:34\nRUN echo "$(id -u):$(id -g)" > /tmp/out', {
    files: { '/tmp/out': '12:34\n' },
    config: { User: '12:34' }
  }),
  'by name': busybox(`${USERS}USER u\nRUN echo "$(id -u):$(id -g):$(id -G)" > /tmp/out`, {
    files: { '/tmp/out': /^file 644 11:22/ },
    config: { User: 'u' }
  }),
  'by names': busybox(`${USERS}USER u:g\nRUN echo "$(id -u):$(id -g)" > /tmp/out`, {
    files: { '/tmp/out': '11:33\n' },
    config: { User: 'u:g' }
  }),
  'by number of a user that is known': busybox(`${USERS}USER 11\nRUN echo "$(id -u):$(id -g)" > /tmp/out`, {
    files: { '/tmp/out': /^file/ }
  }),
  'home of a user': busybox(`${USERS}USER u\nRUN echo "$HOME" > /tmp/out`, { files: { '/tmp/out': '/home/u\n' } }),
  'home of a number that is not known': busybox('USER 1234\nRUN echo "$HOME" > /tmp/out'),
  'that is not there': busybox(`${USERS}USER nobody-here\nRUN true`, { refused: true }),
  'that is not there, and nothing runs': busybox('USER nobody-here', { config: { User: 'nobody-here' } }),
  several: busybox(
    'RUN chmod 777 /tmp\nUSER 5\nRUN touch /tmp/a\nUSER 6:7\nRUN touch /tmp/b\nUSER 0\nRUN touch /tmp/c',
    {
      files: { '/tmp/a': /5:0/, '/tmp/b': /6:7/, '/tmp/c': /0:0/ },
      config: { User: '0' }
    }
  ),
  'cannot write where it may not': busybox('USER 5\nRUN touch /out', { refused: true }),
  'of a parent stage': dockerfile('FROM %busybox% AS a\nUSER 5:6\nFROM a\nRUN touch /tmp/a\n', {
    files: { '/tmp/a': /5:6/ },
    config: { User: '5:6' }
  }),
  'with a variable': busybox('ARG u=5\nUSER ${u}:6', { config: { User: '5:6' } }),
  'of nothing': busybox('USER', { refused: true }),
  'additional groups': busybox(`${USERS}USER u\nRUN id -G > /tmp/out`, { files: { '/tmp/out': /^file/ } }),
  'in exec form of RUN': busybox('USER 5:6\nRUN ["touch", "/tmp/x"]', { files: { '/tmp/x': /5:6/ } })
})

export const workdir = group('WORKDIR', {
  'is made': busybox('WORKDIR /a/b', { files: { '/a/b': /^dir 755 0:0/ }, config: { WorkingDir: '/a/b' } }),
  'relative ones add up': busybox('WORKDIR /a\nWORKDIR b\nWORKDIR ../c', {
    files: { '/a/c': /^dir/ },
    config: { WorkingDir: '/a/c' }
  }),
  'relative from the start': busybox('WORKDIR a', { config: { WorkingDir: '/a' } }),
  'with a slash at its end': busybox('WORKDIR /a/', { files: { '/a': /^dir/ } }),
  'with blanks': busybox('WORKDIR /a b/c', { config: { WorkingDir: '/a b/c' } }),
  'in quotes': busybox('WORKDIR "/a b"'),
  'of the root': busybox('WORKDIR /a\nWORKDIR /', { files: { '/a': /^dir/ } }),
  'that is there keeps owner and mode': busybox('RUN mkdir -m 700 /a && chown 5:6 /a\nWORKDIR /a', {
    files: { '/a': /^dir 700 5:6/ }
  }),
  'under USER belongs to the user': busybox('USER 5:6\nWORKDIR /a', { files: { '/a': /^dir 755 5:6/ } }),
  'RUN starts there': busybox('WORKDIR /a\nRUN pwd > out', { files: { '/a/out': '/a\n' } }),
  'through a link': busybox('RUN mkdir /real && ln -s /real /l\nWORKDIR /l/x\nRUN touch f', {
    files: { '/l': /^link/, '/real/x/f': /^file/ }
  }),
  'of a variable': busybox('ENV d=/a\nWORKDIR $d/b\nWORKDIR ${none}c', {
    config: { WorkingDir: '/a/b/c', Env: { PATH: '/bin:/usr/bin', d: '/a' } }
  }),
  'of nothing': busybox('WORKDIR', { refused: true }),
  'that is a file': busybox('RUN touch /a\nWORKDIR /a\nRUN true', { refused: true }),
  'removed by a RUN': busybox('WORKDIR /a\nRUN rmdir /a\nRUN pwd > /out'),
  'of a parent stage': dockerfile('FROM %busybox% AS a\nWORKDIR /a\nFROM a\nWORKDIR b\nRUN touch f\n', {
    files: { '/a/b/f': /^file/ }
  }),
  'with dots': busybox('WORKDIR /a/./b/../c\nRUN touch f', { files: { '/a/c/f': /^file/ } })
})
