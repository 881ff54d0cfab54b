/** RUN: its forms, what it sees, and what of its work is kept. */
import { busybox, debian, dockerfile, group } from '../case.ts'

export const run = group('RUN', {
  'shell form': busybox('RUN echo "a  b" > /out', { files: { '/out': 'a  b\n' } }),
  'exec form': busybox('RUN ["/bin/sh", "-c", "echo $0 $1 > /out", "zero", "one two"]', {
    files: { '/out': 'zero one two\n' }
  }),
  'exec form without a shell': busybox('RUN ["/bin/touch", "/$HOME", "/a b"]', {
    files: { '/$HOME': /^file/, '/a b': /^file/ }
  }),
  'no JSON after all': busybox(`RUN [ -d /bin ] && echo 'is there' > /out`, { files: { '/out': 'is there\n' } }),
  'continued lines': busybox('RUN echo one \\\n  two \\\n# a comment between\n\n  three > /out', {
    files: { '/out': 'one two three\n' }
  }),
  'continued line with blanks after the backslash': busybox('RUN echo one \\   \n  two > /out', {
    files: { '/out': 'one two\n' }
  }),
  'failing command': busybox('RUN exit 7', { refused: true }),
  'command that is not there': busybox('RUN no-such-command', { refused: true }),
  'program of the exec form that is not there': busybox('RUN ["/no/such/program"]', { refused: true }),
  'failure before a pipe': busybox('RUN false | true', { absent: ['/out'] }),
  'each RUN has its own shell': busybox('RUN cd /tmp && x=1\nRUN echo "$PWD:$x" > /out', { files: { '/out': '/:\n' } }),
  'environment of ENV and ARG': busybox('ARG a=1\nENV b=2\nRUN echo "$a$b" > /out', { files: { '/out': '12\n' } }),
  'home directory of root': busybox('RUN echo "$HOME" > /out', { files: { '/out': '/root\n' } }),
  'standard input is empty': busybox('RUN cat > /out', { files: { '/out': '' } }),
  'removes a file of the base': busybox('RUN rm /bin/wget', { absent: ['/bin/wget'] }),
  'removes and makes anew in one RUN': busybox('RUN rm /bin/wget && mkdir /bin/wget && touch /bin/wget/x', {
    files: { '/bin/wget': /^dir 755/, '/bin/wget/x': /^file/ }
  }),
  'removes what an earlier RUN made': busybox('RUN mkdir /d && touch /d/a /d/b\nRUN rm -r /d', {
    absent: ['/d', '/d/a']
  }),
  'replaces a directory by a file': busybox('RUN mkdir /d && touch /d/a\nRUN rm -r /d && echo x > /d', {
    files: { '/d': 'x\n' },
    absent: ['/d/a']
  }),
  'replaces a directory by a link': busybox('RUN mkdir /d /e && touch /d/a /e/b\nRUN rm -r /d && ln -s e /d', {
    files: { '/d': /^link 0:0 -> e$/ },
    absent: ['/d/a']
  }),
  'replaces a file by a directory': busybox('RUN echo x > /d\nRUN rm /d && mkdir /d && touch /d/a', {
    files: { '/d/a': /^file/ }
  }),
  'replaces a link by a directory': busybox('RUN mkdir /e && ln -s e /d\nRUN rm /d && mkdir /d && touch /d/a', {
    files: { '/d': /^dir/, '/d/a': /^file/ },
    absent: ['/e/a']
  }),
  'empties a directory and fills it again': busybox(
    'RUN mkdir /d && touch /d/a\nRUN rm -r /d && mkdir /d && touch /d/b',
    {
      files: { '/d/b': /^file/ },
      absent: ['/d/a']
    }
  ),
  'same size and same time, other content': busybox(
    'RUN echo one > /out && touch -t 202001010000 /out\nRUN echo two > /out && touch -t 202001010000 /out',
    { files: { '/out': 'two\n' } }
  ),
  'empty directories': busybox('RUN mkdir -p /a/b/c && chmod 700 /a/b', {
    files: { '/a/b': /^dir 700/, '/a/b/c': /^dir 755/ }
  }),
  'change of mode only': busybox('RUN echo x > /f\nRUN chmod 640 /f', { files: { '/f': /^file 640/ } }),
  'change of owner only': busybox('RUN echo x > /f\nRUN chown 12:34 /f', { files: { '/f': /^file 644 12:34/ } }),
  'change of a directory of the base': debian('RUN chmod 750 /root && chown 7:8 /root', {
    files: { '/root': /^dir 750 7:8/ }
  }),
  'change of the root directory': busybox('RUN chmod 711 /'),
  'sticky directory': busybox('RUN mkdir /s && chmod 1777 /s', { files: { '/s': /^dir 1777/ } }),
  'setuid program': busybox('RUN echo x > /s && chmod 4755 /s', { files: { '/s': /^file 4755/ } }),
  'setgid program of another group': busybox('RUN echo x > /s && chgrp 50 /s && chmod 2755 /s', {
    files: { '/s': /^file 2755 0:50/ }
  }),
  'setgid directory': busybox('RUN mkdir /s && chgrp 50 /s && chmod 2775 /s && touch /s/new && mkdir /s/sub', {
    files: { '/s': /^dir 2775 0:50/, '/s/new': /^file 644 0:50/, '/s/sub': /^dir 2755 0:50/ }
  }),
  umask: busybox('RUN umask > /out && umask 077 && touch /f', { files: { '/out': '0022\n', '/f': /^file 600/ } }),
  'named pipe': busybox('RUN mkfifo /p', { files: { '/p': /^pipe 644/ } }),
  'device node': busybox('RUN mknod /null c 1 3', { files: { '/null': /^char 644 0:0 1:3/ } }),
  chroot: busybox('RUN mkdir -p /r/bin && cp /bin/busybox /r/bin/sh && chroot /r /bin/sh -c "echo in > /out"', {
    files: { '/r/out': 'in\n' }
  }),
  'port below 1024': debian(
    `RUN python3 -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 80)); open('/out', 'w').write('bound')"`,
    { files: { '/out': 'bound' } }
  ),
  'setuid program under USER': debian(
    "RUN cp /usr/bin/python3 /p && chmod 4755 /p\nUSER 1000\nRUN /p -c \"import os; os.setuid(0); open('/out', 'w').write(str(os.getuid()))\"",
    { files: { '/out': '0' } }
  ),
  'extended attribute': debian(`RUN touch /f && python3 -c "import os; os.setxattr('/f', 'user.a', b'b')"`, {
    files: { '/f': /^file 644 0:0 [0-9a-f]+$/ }
  }),
  'file capability': debian(
    `RUN touch /f && python3 -c "import os; os.setxattr('/f', 'security.capability', bytes.fromhex('0100000200040000000000000000000000000000'))"`,
    { files: { '/f': /security\.capability=/ } }
  ),
  'hard links': busybox('RUN echo x > /a && ln /a /b && mkdir /d && ln /a /d/c', {
    files: { '/b': /same as \/a/, '/d/c': /same as \/a/ }
  }),
  'hard link to a file of an earlier RUN': busybox('RUN echo x > /a\nRUN ln /a /b', {
    files: { '/b': 'x\n' }
  }),
  'one name of a hard link removed': busybox('RUN echo x > /a && ln /a /b\nRUN rm /a', {
    files: { '/b': 'x\n' },
    absent: ['/a']
  }),
  'links, relative, absolute and dangling': busybox(
    'RUN mkdir /d && ln -s ../bin /d/r && ln -s /bin /d/a && ln -s /nowhere /d/n',
    {
      files: { '/d/r': /-> \.\.\/bin/, '/d/a': /-> \/bin/, '/d/n': /-> \/nowhere/ }
    }
  ),
  'owner of a link': busybox('RUN ln -s /bin /l && chown -h 5:6 /l', { files: { '/l': /^link 5:6/ } }),
  'names with blanks, quotes and a newline': busybox(
    String.raw`RUN touch "/a b" "/c'd" '/e"f' "$(printf '/g\nh')" '/i\j'`,
    {
      files: { '/a b': /^file/, "/c'd": /^file/, '/e"f': /^file/, '/i\\j': /^file/ }
    }
  ),
  'names beyond ASCII': busybox('RUN mkdir /größe && echo x > /größe/日本', { files: { '/größe/日本': 'x\n' } }),
  'long names': busybox(
    'RUN d=/$(printf "%0150d" 0); f=$(printf "%0150d" 1); mkdir -p $d/$d && echo x > $d/$d/$f && ln -s $d/$d/$f /long',
    { files: { '/long': /^link/ } }
  ),
  'a file that looks like a whiteout': busybox('RUN mkdir /d && touch /d/wh.a /d/.w', {
    files: { '/d/wh.a': /^file/ }
  }),
  'large file of zeros': busybox('RUN dd if=/dev/zero of=/zero bs=1M count=8 2>/dev/null', {
    files: { '/zero': /^file 644/ }
  }),
  'file with a hole': busybox('RUN dd if=/dev/null of=/hole bs=1 seek=4M 2>/dev/null', {
    files: { '/hole': /^file 644/ }
  }),
  'many files': busybox('RUN mkdir /m && i=0 && while [ $i -lt 300 ]; do echo $i > /m/$i; i=$((i+1)); done', {
    files: { '/m/299': '299\n' }
  }),
  'temporary files stay': busybox('RUN echo x > /tmp/x', { files: { '/tmp/x': 'x\n' } }),
  '/run and /var/run': busybox('RUN mkdir -p /run/a /var/run/b && touch /run/a/x /var/run/b/y', {
    files: { '/run/a/x': /^file/, '/var/run/b/y': /^file/ }
  }),
  '/var/run, a link in debian': debian('RUN mkdir /var/run/b && touch /var/run/b/y', {
    files: { '/run/b/y': /^file/ }
  }),
  '/dev/shm is no part of the image': busybox('RUN touch /dev/shm/x', { absent: ['/dev/shm/x'] }),
  '/proc and /sys are mounted': busybox('RUN test -r /proc/self/status && test -d /sys/class && echo ok > /out', {
    files: { '/out': 'ok\n' }
  }),
  'a background process ends with its RUN': busybox(
    'RUN (while true; do echo x >> /alive; sleep 0.1; done) > /dev/null 2>&1 & sleep 0.3\nRUN rm -f /alive; sleep 0.5; test ! -e /alive',
    { absent: ['/alive'] }
  ),
  'output that is not UTF-8': busybox("RUN printf '\\377\\376\\n' && echo x > /out", { files: { '/out': 'x\n' } }),
  "quotes and dollars are the shell's": busybox(
    `RUN a=b; echo '$a' "$a" \\$a $$a > /dev/null && echo '$a' "$a" > /out`,
    {
      files: { '/out': '$a b\n' }
    }
  ),
  'an empty RUN': busybox('RUN'),
  '--mount=type=bind from the context': busybox('RUN --mount=type=bind,target=/ctx cp /ctx/a /out', {
    context: { a: 'x\n' },
    files: { '/out': 'x\n' }
  }),
  '--mount=type=bind from a stage': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /a\nFROM %busybox%\nRUN --mount=type=bind,from=a,source=/a,target=/mnt/a cp /mnt/a /out',
    { files: { '/out': 'x\n' } }
  ),
  '--mount=type=cache': busybox('RUN --mount=type=cache,target=/cache echo x > /cache/a && cp /cache/a /out', {
    files: { '/out': 'x\n' },
    absent: ['/cache/a']
  }),
  '--mount=type=tmpfs': busybox('RUN --mount=type=tmpfs,target=/t echo x > /t/a', { absent: ['/t/a'] }),
  '--mount=type=secret that is not required': busybox(
    'RUN --mount=type=secret,id=s test ! -e /run/secrets/s && echo none > /out',
    {
      files: { '/out': 'none\n' }
    }
  ),
  '--network=none': busybox('RUN --network=none ls /sys/class/net > /out', { files: { '/out': 'lo\n' } }),
  '--network=default': busybox('RUN --network=default echo x > /out', { files: { '/out': 'x\n' } }),
  'a flag that does not exist': busybox('RUN --nothing=1 true', { refused: true })
})
