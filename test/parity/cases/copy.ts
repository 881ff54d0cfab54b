/** COPY: where things go, what they become there, and its options. */
import { busybox, group } from '../case.ts'

const TREE = {
  'd/a.txt': 'a\n',
  'd/b.log': 'b\n',
  'd/sub/c.txt': 'c\n',
  'top.txt': 'top\n'
}

export const copy = group('COPY', {
  'file to a name': busybox('COPY top.txt /out', { context: TREE, files: { '/out': 'top\n' } }),
  'file into a directory': busybox('COPY top.txt /new/dir/', { context: TREE, files: { '/new/dir/top.txt': 'top\n' } }),
  'file to a directory that is there': busybox('COPY top.txt /tmp', {
    context: TREE,
    files: { '/tmp/top.txt': 'top\n' }
  }),
  'contents of a directory': busybox('COPY d /out', {
    context: TREE,
    files: { '/out/a.txt': 'a\n', '/out/sub/c.txt': 'c\n' }
  }),
  'whole context': busybox('COPY . /all', {
    context: TREE,
    files: { '/all/top.txt': 'top\n', '/all/Dockerfile': /^file/ }
  }),
  'whole context to .': busybox('WORKDIR /w\nCOPY . .', { context: TREE, files: { '/w/d/a.txt': 'a\n' } }),
  'several sources': busybox('COPY top.txt d/a.txt /out/', {
    context: TREE,
    files: { '/out/top.txt': 'top\n', '/out/a.txt': 'a\n' }
  }),
  'several sources, directory and file': busybox('COPY top.txt d /out/', {
    context: TREE,
    files: { '/out/top.txt': 'top\n', '/out/a.txt': 'a\n' }
  }),
  'several sources to one name': busybox('COPY top.txt d/a.txt /out', { context: TREE }),
  wildcard: busybox('COPY d/*.txt /out/', { context: TREE, files: { '/out/a.txt': 'a\n' }, absent: ['/out/b.log'] }),
  'wildcard for one character and a set': busybox('COPY d/[a-b].??? /out/', {
    context: TREE,
    files: { '/out/a.txt': 'a\n', '/out/b.log': 'b\n' }
  }),
  'wildcard for directories': busybox('COPY d/s* /out/', { context: TREE, files: { '/out/c.txt': 'c\n' } }),
  'wildcard that is nothing': busybox('COPY no*thing /out/', { context: TREE }),
  'wildcard beside a file': busybox('COPY top.txt no*thing* /out/', { context: TREE }),
  'source that is not there': busybox('COPY nowhere /out', { context: TREE, refused: true }),
  'a path above the context': busybox('COPY ../top.txt /out', { context: TREE, files: { '/out': 'top\n' } }),
  'an absolute source': busybox('COPY /d/a.txt /out', { context: TREE, files: { '/out': 'a\n' } }),
  'source with a slash at its end': busybox('COPY d/ /out/', { context: TREE, files: { '/out/a.txt': 'a\n' } }),
  'source with dots inside': busybox('COPY ./d/../d/./a.txt /out', { context: TREE, files: { '/out': 'a\n' } }),
  'relative destination without WORKDIR': busybox('COPY top.txt here', { context: TREE, files: { '/here': 'top\n' } }),
  'relative destination in a WORKDIR': busybox('WORKDIR /w\nCOPY top.txt x/y/', {
    context: TREE,
    files: { '/w/x/y/top.txt': 'top\n' }
  }),
  'JSON form, with blanks': busybox('COPY ["a b.txt", "/c d/"]', {
    context: { 'a b.txt': 'x\n' },
    files: { '/c d/a b.txt': 'x\n' }
  }),
  'name with a bracket': busybox('COPY a[[]0].txt /out', { context: { 'a[0].txt': 'x\n' }, files: { '/out': 'x\n' } }),
  'names beyond ASCII': busybox('COPY größe /out/', {
    context: { 'größe/日本.txt': 'x\n' },
    files: { '/out/日本.txt': 'x\n' }
  }),
  'variables in paths': busybox('ARG from=d\nENV to=/out\nCOPY ${from}/a.txt $to/x', {
    context: TREE,
    files: { '/out/x': 'a\n' }
  }),
  'modes are kept': busybox('COPY bin /bin2', {
    context: {
      'bin/x': { text: 'x', mode: 0o755 },
      'bin/y': { text: 'y', mode: 0o600 },
      'bin/z': { directory: true, mode: 0o750 }
    },
    files: { '/bin2/x': /^file 755 0:0/, '/bin2/y': /^file 600/, '/bin2/z': /^dir 750/ }
  }),
  'setuid, setgid and sticky are kept': busybox('COPY s /s', {
    context: {
      's/u': { text: 'u', mode: 0o4755 },
      's/g': { text: 'g', mode: 0o2755 },
      's/t': { directory: true, mode: 0o1777 }
    },
    files: { '/s/u': /^file 4755/, '/s/t': /^dir 1777/ }
  }),
  'mode of the copied directory itself': busybox('COPY p /p', {
    context: { p: { directory: true, mode: 0o700 }, 'p/x': 'x' },
    files: { '/p': /^dir 755/ }
  }),
  'onto a directory with another mode': busybox('RUN mkdir -m 711 /p && chown 3:4 /p\nCOPY p /p', {
    context: { p: { directory: true, mode: 0o700 }, 'p/x': 'x' }
  }),
  'empty directory': busybox('COPY e /out/e', { context: { e: { directory: true } }, files: { '/out/e': /^dir 755/ } }),
  'empty file': busybox('COPY e /e', { context: { e: '' }, files: { '/e': '' } }),
  'over a file': busybox('RUN echo old > /f && chmod 600 /f && chown 5 /f\nCOPY f /f', {
    context: { f: 'new\n' },
    files: { '/f': 'new\n' }
  }),
  'file over a directory': busybox('RUN mkdir /f && touch /f/x\nCOPY f /f', {
    context: { f: 'new\n' },
    files: { '/f/f': 'new\n' }
  }),
  'directory over a file': busybox('RUN echo old > /d\nCOPY d /d', { context: TREE, refused: true }),
  'directory merged into one': busybox(
    'RUN mkdir -p /d/sub && echo old > /d/sub/old && echo old > /d/a.txt\nCOPY d /d',
    {
      context: TREE,
      files: { '/d/sub/old': 'old\n', '/d/a.txt': 'a\n' }
    }
  ),
  'through a link to a directory': busybox('RUN mkdir /real && ln -s /real /l\nCOPY d /l/', {
    context: TREE,
    files: { '/real/a.txt': 'a\n', '/l': /^link/ }
  }),
  'through a link, without a slash': busybox('RUN mkdir /real && ln -s real /l\nCOPY d /l', {
    context: TREE,
    files: { '/l': /^link/ }
  }),
  'file onto a link to a file': busybox('RUN echo old > /real && ln -s real /l\nCOPY top.txt /l', { context: TREE }),
  'file below a link': busybox('RUN mkdir /real && ln -s /real /l\nCOPY top.txt /l/x/y', {
    context: TREE,
    files: { '/real/x/y': 'top\n' }
  }),
  'a link, named': busybox('COPY l /out', {
    context: { t: 'target\n', l: { link: 't' } },
    files: { '/out': 'target\n' }
  }),
  'a link to a directory, named': busybox('COPY l /out', {
    context: { 't/x': 'x\n', l: { link: 't' } },
    files: { '/out/x': 'x\n' }
  }),
  'a path with a link in its middle': busybox('COPY l/x /out', {
    context: { 't/x': 'x\n', l: { link: 't' } },
    files: { '/out': 'x\n' }
  }),
  'links inside a directory stay': busybox('COPY d /d', {
    context: { 'd/t': 'x\n', 'd/l': { link: 't' }, 'd/gone': { link: '/no/where' }, 'd/up': { link: '../../etc' } },
    files: { '/d/l': /^link 0:0 -> t$/, '/d/gone': /-> \/no\/where/, '/d/up': /-> \.\.\/\.\.\/etc/ }
  }),
  'a link that leads nowhere, named': busybox('COPY l /out', { context: { l: { link: 'nowhere' } }, refused: true }),
  'a link by a wildcard': busybox('COPY l* /out/', { context: { t: 'x\n', l1: { link: 't' } } }),
  'a link out of the context': busybox('COPY l /out', { context: { l: { link: '/etc/passwd' } }, refused: true }),
  '--chown by numbers': busybox('COPY --chown=12:34 d /d', {
    context: TREE,
    files: { '/d': /^dir 755 12:34/, '/d/sub/c.txt': /^file 644 12:34/ }
  }),
  '--chown with a user only': busybox('COPY --chown=12 top.txt /out', {
    context: TREE,
    files: { '/out': /^file 644 12:12/ }
  }),
  '--chown by names': busybox(
    "RUN echo 'u:x:11:22::/:' > /etc/passwd && echo 'g:x:33:' > /etc/group\nCOPY --chown=u:g top.txt /one\nCOPY --chown=u top.txt /two",
    { context: TREE, files: { '/one': /^file 644 11:33/ } }
  ),
  '--chown by a name whose group has its number': busybox(
    "RUN echo 'u:x:11:11::/:' > /etc/passwd\nCOPY --chown=u top.txt /one\nADD --chown=u top.txt /two",
    { context: TREE, files: { '/one': /^file 644 11:11/, '/two': /^file 644 11:11/ } }
  ),
  '--chown with a name that is not there': busybox(
    "RUN echo 'root:x:0:0::/:' > /etc/passwd\nCOPY --chown=nobody-here top.txt /out",
    {
      context: TREE
    }
  ),
  '--chown makes directories on the way': busybox('COPY --chown=5:6 top.txt /a/b/c', {
    context: TREE,
    files: { '/a/b/c': /^file 644 5:6/ }
  }),
  '--chown with variables': busybox('ARG u=5\nENV g=6\nCOPY --chown=$u:${g} top.txt /out', {
    context: TREE,
    files: { '/out': /5:6/ }
  }),
  '--chmod of a file': busybox('COPY --chmod=751 top.txt /out', { context: TREE, files: { '/out': /^file 751/ } }),
  '--chmod of a directory': busybox('COPY --chmod=750 d /d', {
    context: TREE,
    files: { '/d': /^dir 750/, '/d/a.txt': /^file 750/ }
  }),
  '--chmod with setuid': busybox('COPY --chmod=4711 top.txt /out', { context: TREE, files: { '/out': /^file 4711/ } }),
  '--chmod in letters': busybox('COPY --chmod=u=rwX,go=rX d /d', {
    context: { 'd/x': { text: 'x', mode: 0o700 }, 'd/y': { text: 'y', mode: 0o600 } }
  }),
  '--chmod with a variable': busybox('ARG m=700\nCOPY --chmod=$m top.txt /out', {
    context: TREE,
    files: { '/out': /^file 700/ }
  }),
  '--chmod that is none': busybox('COPY --chmod=99x top.txt /out', { context: TREE, refused: true }),
  '--link': busybox('COPY --link top.txt /a/b', { context: TREE, files: { '/a/b': 'top\n' } }),
  '--exclude': busybox('COPY --exclude=*.log d /d', {
    context: TREE,
    files: { '/d/a.txt': 'a\n' },
    absent: ['/d/b.log']
  }),
  '--exclude twice': busybox('COPY --exclude=*.log --exclude=sub d /d', {
    context: TREE,
    absent: ['/d/b.log', '/d/sub']
  }),
  '--parents': busybox('COPY --parents d/sub/c.txt /out/', { context: TREE, files: { '/out/d/sub/c.txt': 'c\n' } }),
  'under USER makes files of root': busybox('USER 5:6\nCOPY top.txt /out', {
    context: TREE,
    files: { '/out': /^file 644 0:0/ }
  }),
  'an unknown flag': busybox('COPY --nothing=1 top.txt /out', { context: TREE, refused: true }),
  'one argument only': busybox('COPY top.txt', { context: TREE, refused: true }),
  'a variable that is empty as destination': busybox('COPY top.txt $none', { context: TREE })
})
