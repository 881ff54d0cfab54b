/** COPY onto what is there already: whose directory it stays, and what becomes of files, links and directories in the way. */
import { busybox, debian, dockerfile, group } from '../case.ts'

const TREE = { 'd/f': 'new\n', 'd/sub/g': 'g\n' }
const USER =
  "RUN mkdir -p /etc /home/app && echo 'root:x:0:0::/root:/bin/sh' > /etc/passwd && echo 'app:x:1500:1500::/home/app:/bin/sh' >> /etc/passwd && echo 'app:x:1500:' >> /etc/group && chown app:app /home/app\n"

export const onto = group('COPY', {
  '--chown onto a WORKDIR of root': busybox('WORKDIR /app\nCOPY --chown=5:6 . .', {
    context: TREE,
    files: { '/app': /^dir 755 0:0/, '/app/d': /^dir 755 5:6/, '/app/d/f': /5:6/ }
  }),
  '--chown of a directory onto one that RUN made': busybox('RUN mkdir -m 700 /app\nCOPY --chown=5:6 d /app', {
    context: TREE,
    files: { '/app': /^dir 700 0:0/, '/app/f': /5:6/ }
  }),
  '--chown of a directory onto one of the base': debian('COPY --chown=5:6 d /opt', {
    context: TREE,
    files: { '/opt/f': /5:6/ }
  }),
  'into the home of a user that was made': debian('RUN useradd --create-home app\nCOPY d /home/app', {
    context: TREE,
    files: { '/home/app/f': /0:0/ }
  }),
  'into the home of a user, as the user': debian(
    'RUN useradd --create-home app\nUSER app\nWORKDIR /home/app\nCOPY . .\nRUN touch made',
    { context: TREE, files: { '/home/app/d/f': /0:0/, '/home/app/made': /1000:1000/ } }
  ),
  'into a WORKDIR of a user': busybox(`${USER}USER app\nWORKDIR /work\nCOPY d .`, {
    context: TREE,
    files: { '/work': /1500:1500/, '/work/f': /0:0/ }
  }),
  'into a directory inside a home': busybox(`${USER}COPY --chown=app:app d /home/app/d`, {
    context: TREE,
    files: { '/home/app': /1500:1500/, '/home/app/d': /1500:1500/ }
  }),
  'a directory inside takes the mode of the copied one': busybox('RUN mkdir -p /d/sub && chmod 700 /d/sub\nCOPY d /d', {
    context: TREE,
    files: { '/d/sub': /^dir 755 0:0/ }
  }),
  'a directory inside takes the owner of the copied one': busybox(
    'RUN mkdir -p /d/sub && chown 3:4 /d/sub\nCOPY d /d',
    {
      context: TREE,
      files: { '/d/sub': /^dir 755 0:0/ }
    }
  ),
  'a tree onto the root takes modes of the base away': debian('COPY root /', {
    context: { 'root/root/.profile2': 'x\n', 'root/tmp/x': 'x\n', 'root/etc/x.conf': 'x\n' },
    files: { '/root': /^dir 755/, '/tmp': /^dir 755/, '/etc/x.conf': 'x\n' }
  }),
  'a file inside onto a link': busybox('RUN mkdir /d && echo old > /real && ln -s /real /d/f\nCOPY d /d', {
    context: TREE,
    files: { '/real': 'old\n', '/d/f': 'new\n' }
  }),
  'a file into a directory with a link of its name': busybox(
    'RUN mkdir /x && echo old > /real && ln -s /real /x/f\nCOPY d/f /x/',
    { context: TREE, files: { '/real': 'old\n', '/x/f': 'new\n' } }
  ),
  'a file onto a link that leads nowhere': busybox('RUN ln -s /nowhere /l\nCOPY d/f /l', { context: TREE }),
  'a directory inside onto a link to one': busybox('RUN mkdir /real /d && ln -s /real /d/sub\nCOPY d /d', {
    context: TREE,
    refused: true
  }),
  'a directory inside onto a file': busybox('RUN mkdir /d && echo old > /d/sub\nCOPY d /d', {
    context: TREE,
    refused: true
  }),
  'a link inside onto a directory': busybox('RUN mkdir -p /d/l/x\nCOPY d /d', {
    context: { ...TREE, 'd/l': { link: 'f' } },
    refused: true
  }),
  'a link inside onto a file': busybox('RUN mkdir /d && echo old > /d/l\nCOPY d /d', {
    context: { ...TREE, 'd/l': { link: 'f' } },
    files: { '/d/l': /-> f/ }
  }),
  'a file onto one name of a hard link': busybox('RUN echo old > /a && ln /a /b\nCOPY d/f /a\nRUN echo x > /x', {
    context: TREE,
    files: { '/a': 'new\n', '/b': 'old\n' }
  }),
  'over a setuid file': busybox('RUN echo old > /f && chmod 4755 /f\nCOPY d/f /f', {
    context: TREE,
    files: { '/f': /^file 644/ }
  }),
  'over a link of the base': busybox('COPY wget /bin/wget', {
    context: { wget: { text: '#!/bin/sh\n', mode: 0o755 } },
    files: { '/bin/busybox': '#!/bin/sh\n' }
  }),
  'onto a link of the base': debian('COPY os-release /etc/', {
    context: { 'os-release': 'ID=mine\n' },
    files: { '/etc/os-release': 'ID=mine\n' }
  }),
  'a directory that is a link of the base': debian('COPY root /', {
    context: { 'root/lib/x': 'x\n' },
    refused: true
  }),
  'a directory into one behind a link of the base': debian('COPY d /lib/mine', {
    context: TREE,
    files: { '/usr/lib/mine/f': 'new\n' }
  }),
  '--chown of a directory with links': busybox('COPY --chown=5:6 d /out', {
    context: { 'd/f': 'x\n', 'd/l': { link: 'f' } },
    files: { '/out/l': /^link 5:6 -> f/ }
  }),
  '--chmod of a directory with links': busybox('COPY --chmod=600 d /out', {
    context: { 'd/f': 'x\n', 'd/l': { link: 'f' } },
    files: { '/out/f': /^file 600/, '/out/l': /-> f/ }
  }),
  '--chmod onto directories on the way': busybox('COPY --chmod=711 d/f /a/b/c', { context: TREE }),
  '--chmod of a directory onto one that is there': busybox('RUN mkdir -m 700 /out /out/sub\nCOPY --chmod=750 d /out', {
    context: TREE,
    files: { '/out': /^dir 700/, '/out/sub': /^dir 750/ }
  }),
  'setgid directory': busybox('COPY s /s', {
    context: { 's/g': { directory: true, mode: 0o2775 }, 's/g/f': 'f' },
    files: { '/s/g': /^dir 2775/, '/s/g/f': /^file 644 0:0/ }
  }),
  'several that overlap': busybox('COPY d/f e/f /out/', {
    context: { 'd/f': '1\n', 'e/f': '2\n' },
    files: { '/out/f': '2\n' }
  }),
  'two directories into one': busybox('COPY d e /out/', {
    context: { 'd/f': '1\n', 'd/s/x': 'x', 'e/f': '2\n', 'e/s/y': 'y' },
    files: { '/out/f': '2\n', '/out/s/x': 'x', '/out/s/y': 'y' }
  }),
  'hidden files': busybox('COPY * /one/\nCOPY .* /two/\nCOPY ?x /three/', {
    context: { '.hid': 'h\n', '.d/f': 'f\n', ax: 'a\n', '.x': 'x\n' },
    files: { '/one/.hid': 'h\n', '/two/.hid': 'h\n', '/three/.x': 'x\n' }
  }),
  'a wildcard with a class turned round': busybox('COPY [^a].txt /out/', {
    context: { 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' },
    files: { '/out/b.txt': 'b' },
    absent: ['/out/a.txt']
  }),
  'a wildcard with an escape': busybox('COPY a\\*.txt /out/', {
    context: { 'a*.txt': 'star', 'ab.txt': 'b' }
  }),
  'a wildcard in the middle': busybox('COPY */conf/*.c /out/', {
    context: { 'a/conf/x.c': 'x', 'b/conf/y.c': 'y', 'b/other/z.c': 'z' },
    files: { '/out/x.c': 'x', '/out/y.c': 'y' }
  }),
  'two stars are one': busybox('COPY **/f /out/', { context: { f: 'top', 'a/f': 'a', 'a/b/f': 'b' } }),
  'a directory by a wildcard keeps nothing of its name': busybox('COPY dir* /out/', {
    context: { 'dir1/a': 'a', 'dir2/b': 'b', 'dir3/c/d': 'd' },
    files: { '/out/a': 'a', '/out/c/d': 'd' },
    absent: ['/out/dir1']
  }),
  'a destination with a slash and a file': busybox('RUN echo x > /out\nCOPY d/f /out/', {
    context: TREE,
    refused: true
  }),
  'a destination of dots': busybox('WORKDIR /a/b\nCOPY d/f ..\nCOPY d/f ../c/./x', {
    context: TREE,
    files: { '/a/f': 'new\n', '/a/c/x': 'new\n' }
  })
})

export const link = group('COPY', {
  '--link into a directory that is there': busybox('RUN mkdir -m 700 /x && chown 3:4 /x\nCOPY --link d/f /x/', {
    context: TREE,
    files: { '/x/f': 'new\n' }
  }),
  '--link to the name of a directory': busybox('RUN mkdir /x && touch /x/old\nCOPY --link d/f /x', { context: TREE }),
  '--link through a link': busybox('RUN mkdir /real && ln -s /real /l\nCOPY --link d/f /l/f', { context: TREE }),
  '--link with --chown': busybox('RUN mkdir /a\nCOPY --link --chown=5:6 d/f /a/b/c', {
    context: TREE,
    files: { '/a/b/c': /5:6/ }
  }),
  '--link with --chmod': busybox('RUN mkdir -m 700 /a\nCOPY --link --chmod=600 d/f /a/f', { context: TREE }),
  '--link into /tmp and the home of root': debian('COPY --link d/f /tmp/\nCOPY --link d/f /root/f', { context: TREE }),
  '--link in a WORKDIR': busybox('WORKDIR /w\nCOPY --link d .\nCOPY --link d/f x/', {
    context: TREE,
    files: { '/w/f': 'new\n', '/w/x/f': 'new\n' }
  }),
  '--link of a directory onto one': busybox(
    'RUN mkdir -p /d/sub && echo old > /d/old && chmod 700 /d/sub\nCOPY --link d /d',
    {
      context: TREE,
      files: { '/d/old': 'old\n', '/d/f': 'new\n' }
    }
  ),
  '--link from a stage': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /o && echo x > /o/f && chown 5:6 /o/f\nFROM %busybox%\nCOPY --link --from=a /o /o\n',
    { files: { '/o/f': /^file 644 5:6/ } }
  )
})
