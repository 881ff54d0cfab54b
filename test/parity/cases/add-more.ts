/** ADD of archives and pages in their corners, and what .dockerignore leaves out of all that reads the context. */
import { busybox, dockerfile, group } from '../case.ts'

/** Of `{}`, which the registry answers. */
const SUM = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'

export const archives = group('ADD', {
  'a page to a name': busybox('ADD http://%registry%/v2/ /out', { files: { '/out': /^file 600 0:0/ } }),
  'a page into a directory': busybox('ADD http://%registry%/v2/ /out/', { files: { '/out/v2': /^file 600/ } }),
  'a page with --chmod and --chown': busybox('ADD --chmod=644 --chown=5:6 http://%registry%/v2/ /out', {
    files: { '/out': /^file 644 5:6/ }
  }),
  'a page under USER': busybox('USER 5:6\nADD http://%registry%/v2/ /out', { files: { '/out': /^file 600 0:0/ } }),
  'a page with its --checksum': busybox(`ADD --checksum=sha256:${SUM} http://%registry%/v2/ /out`, {
    files: { '/out': /^file 600/ }
  }),
  'a page with another --checksum': busybox(
    `ADD --checksum=sha256:${SUM.replace('4', '5')} http://%registry%/v2/ /out`,
    { refused: true }
  ),
  'archive with links out of it': busybox('ADD t.tar /out', {
    context: {
      't.tar': { tar: { up: { link: '../../etc' }, abs: { link: '/etc/passwd' }, gone: { link: 'nowhere' } } }
    },
    files: { '/out/up': /-> \.\.\/\.\.\/etc/ }
  }),
  'archive with a file over a directory': busybox('RUN mkdir -p /out/a && touch /out/a/x\nADD t.tar /out', {
    context: { 't.tar': { tar: { a: '1' } } }
  }),
  'archive with a directory over a file': busybox('RUN mkdir /out && echo old > /out/d\nADD t.tar /out', {
    context: { 't.tar': { tar: { 'd/': { directory: true }, 'd/f': '1' } } }
  }),
  'archive with a file below a link': busybox('RUN mkdir /out /real && ln -s /real /out/d\nADD t.tar /out', {
    context: { 't.tar': { tar: { 'd/f': '1' } } },
    refused: true
  }),
  'archive with a directory over another': busybox(
    'RUN mkdir -p /out/d && chmod 700 /out/d && chown 3:4 /out/d && touch /out/d/old\nADD t.tar /out',
    {
      context: { 't.tar': { tar: { 'd/': { directory: true, mode: 0o755, owner: [5, 6] }, 'd/f': '1' } } },
      files: { '/out/d': /5:6/, '/out/d/old': /^file/ }
    }
  ),
  'archive onto a directory with a mode': busybox('RUN mkdir -m 700 /out && chown 3:4 /out\nADD t.tar /out', {
    context: { 't.tar': { tar: { a: '1' } } },
    files: { '/out': /^dir 700 3:4/ }
  }),
  'archive with its own root': busybox('ADD t.tar /out', {
    context: { 't.tar': { tar: { './': { directory: true, mode: 0o700, owner: [5, 6] }, './a': '1' } } }
  }),
  'archive with names that begin with a slash': busybox('ADD t.tar /out', {
    context: { 't.tar': { tar: { '/abs/f': '1' } } },
    files: { '/out/abs/f': '1' }
  }),
  'archive with a whiteout': busybox('RUN mkdir /out && touch /out/a\nADD t.tar /out', {
    context: { 't.tar': { tar: { '.wh.a': '' } } }
  }),
  'archive with a hard link': busybox('ADD t.tar /out', {
    context: { 't.tar': { tar: { a: 'x', b: { hardLink: 'a' } } } },
    files: { '/out/b': /same as \/out\/a/ }
  }),
  'archive with sticky and setgid': busybox('ADD t.tar /out', {
    context: {
      't.tar': {
        tar: { 't/': { directory: true, mode: 0o1777 }, 'g/': { directory: true, mode: 0o2775, owner: [0, 50] } }
      }
    },
    files: { '/out/t': /^dir 1777/, '/out/g': /^dir 2775 0:50/ }
  }),
  'archive that is empty': busybox('ADD t.tar /out/', { context: { 't.tar': { tar: {} } } }),
  'archive to a name without a slash': busybox('ADD t.tar.gz /a/b', {
    context: { 't.tar.gz': { tar: { f: '1' }, gzip: true } },
    files: { '/a/b/f': '1' }
  }),
  'archive and a file': busybox('ADD t.tar f /out/', {
    context: { 't.tar': { tar: { a: '1' } }, f: 'f\n' },
    files: { '/out/a': '1', '/out/f': 'f\n' }
  }),
  'archive with --chmod': busybox('ADD --chmod=600 t.tar /out', {
    context: { 't.tar': { tar: { a: { text: '1', mode: 0o755 } } } }
  }),
  'archive by a link': busybox('ADD l /out/', { context: { 't.tar': { tar: { a: '1' } }, l: { link: 't.tar' } } }),
  'directory onto one that is there': busybox('RUN mkdir -m 711 /d && chown 3:4 /d\nADD d /d', {
    context: { 'd/f': 'x\n' },
    files: { '/d': /^dir 711 3:4/ }
  }),
  '--unpack': busybox('ADD --unpack=true t.tar /out', {
    context: { 't.tar': { tar: { a: '1' } } },
    files: { '/out/a': '1' }
  }),
  '--exclude in an archive': busybox('ADD --exclude=b t.tar /out', {
    context: { 't.tar': { tar: { a: '1', b: '2' } } }
  }),
  '--checksum without its kind': busybox('ADD --checksum=abc http://127.0.0.1:9/x /out', { refused: true }),
  'a repository': busybox('ADD https://127.0.0.1:9/owner/repo.git#main /src', { refused: true }),
  'a repository by ssh': busybox('ADD git@127.0.0.1:owner/repo.git /src', { refused: true }),
  'a script of zeros': busybox('ADD z /out/', { context: { z: '\0'.repeat(2048) } })
})

const TREE = { 'a.txt': 'a', 'b.log': 'b', 'd/c.txt': 'c', 'd/e.log': 'e', 'd/f/g.txt': 'g' }
const ignoring = (text: string) => ({ ...TREE, '.dockerignore': text })

export const excludes = group('COPY', {
  '--exclude of a directory': busybox('COPY --exclude=d/f . /o', {
    context: TREE,
    files: { '/o/d/c.txt': 'c' },
    absent: ['/o/d/f']
  }),
  '--exclude everywhere': busybox('COPY --exclude=**/*.txt . /o', {
    context: TREE,
    files: { '/o/d/e.log': 'e' },
    absent: ['/o/a.txt', '/o/d/f/g.txt']
  }),
  '--exclude with an exception': busybox('COPY --exclude=*.txt --exclude=!a.txt . /o', {
    context: TREE,
    files: { '/o/a.txt': 'a' }
  }),
  '--exclude of a file by name': busybox('COPY --exclude=a.txt a.txt b.log /o/', { context: TREE }),
  '--exclude with a wildcard': busybox('COPY --exclude=*.log a* b* d /o/', { context: TREE }),
  '--exclude of all': busybox('COPY --exclude=** d /o/', { context: TREE }),
  '--exclude with owner and mode': busybox('COPY --chown=5:6 --chmod=700 --exclude=*.log d /o', {
    context: TREE,
    files: { '/o/c.txt': /^file 700 5:6/ },
    absent: ['/o/e.log']
  }),
  '--exclude from a stage': dockerfile(
    'FROM %busybox% AS a\nRUN mkdir /d && touch /d/x /d/y\nFROM scratch\nCOPY --from=a --exclude=y /d /o\n',
    { files: { '/o/x': /^file/ }, absent: ['/o/y'] }
  ),
  '--exclude with links': busybox('COPY --exclude=*.log . /o', {
    context: { ...TREE, l: { link: 'a.txt' }, 'd/m': { link: '../b.log' } },
    files: { '/o/l': /-> a\.txt/, '/o/d/m': /->/ }
  }),
  '--parents of several': busybox('COPY --parents d/c.txt d/f/g.txt a.txt /o/', {
    context: TREE,
    files: { '/o/d/c.txt': 'c', '/o/d/f/g.txt': 'g', '/o/a.txt': 'a' }
  }),
  '--parents of a directory': busybox('COPY --parents d/f /o/', { context: TREE, files: { '/o/d/f/g.txt': 'g' } }),
  '--parents with wildcards': busybox('COPY --parents **/*.txt /o/', {
    context: TREE,
    files: { '/o/d/f/g.txt': 'g', '/o/a.txt': 'a' },
    absent: ['/o/d/e.log']
  }),
  '--parents with a pivot': busybox('COPY --parents d/./f/g.txt /o/', { context: TREE, files: { '/o/f/g.txt': 'g' } }),
  '--parents without a slash': busybox('COPY --parents d/c.txt /o', { context: TREE }),
  '--parents of what is not there': busybox('COPY --parents d/none /o/', { context: TREE, refused: true })
})

export const ignores = group('.dockerignore', {
  'two stars at the end': busybox('COPY . /o', { context: ignoring('d/**\n'), files: { '/o/a.txt': 'a' } }),
  'two stars in the middle': busybox('COPY . /o', {
    context: ignoring('d/**/*.txt\n'),
    files: { '/o/d/e.log': 'e' },
    absent: ['/o/d/f/g.txt']
  }),
  'a directory and back again': busybox('COPY . /o', {
    context: ignoring('d\n!d\nd/f\n'),
    files: { '/o/d/c.txt': 'c' },
    absent: ['/o/d/f/g.txt']
  }),
  'dots and slashes': busybox('COPY . /o', {
    context: ignoring('./a.txt\nd/../b.log\nd//e.log\n'),
    absent: ['/o/a.txt', '/o/b.log']
  }),
  'an escaped exclamation mark': busybox('COPY . /o', { context: { '!x': 'x', y: 'y', '.dockerignore': '\\!x\n' } }),
  'a byte order mark': busybox('COPY . /o', { context: ignoring('\ufeffa.txt\n'), absent: ['/o/a.txt'] }),
  'upper and lower case': busybox('COPY . /o', { context: ignoring('A.TXT\n'), files: { '/o/a.txt': 'a' } }),
  'a mount of the context': busybox('RUN --mount=type=bind,target=/in ls -A /in /in/d > /out', {
    context: ignoring('*.txt\nd/e.log\n')
  }),
  'a directory whose all is left out': busybox('COPY d /o', { context: ignoring('d/*\n') }),
  'a link to what is left out, named': busybox('COPY l /o', {
    context: { ...ignoring('a.txt\n'), l: { link: 'a.txt' } },
    refused: true
  }),
  'an archive that is left out': busybox('ADD t*.tar /o/', {
    context: { 't1.tar': { tar: { a: '1' } }, 't2.tar': { tar: { b: '2' } }, '.dockerignore': 't2.tar\n' },
    files: { '/o/a': '1' },
    absent: ['/o/b']
  }),
  'a range and its opposite': busybox('COPY . /o', {
    context: { a1: '1', a2: '2', b1: '3', '.dockerignore': '[^b]1\n' },
    files: { '/o/b1': '3' }
  }),
  'names with blanks': busybox('COPY . /o', {
    context: { 'a b': '1', ab: '2', '.dockerignore': 'a b\n' },
    files: { '/o/ab': '2' },
    absent: ['/o/a b']
  }),
  'all but some, at depth': busybox('COPY . /o', {
    context: ignoring('**\n!d/f/**\n!*.log\n'),
    files: { '/o/d/f/g.txt': 'g' },
    absent: ['/o/a.txt']
  })
})
