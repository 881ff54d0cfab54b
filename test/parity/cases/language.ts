/** How a Dockerfile is read: directives, comments, case, lines; and .dockerignore. */
import { busybox, dockerfile, group } from '../case.ts'

export const language = group('Directives and lines', {
  'syntax directive': dockerfile('# syntax=docker/dockerfile:1\nFROM %busybox%\nRUN echo x > /out\n', {
    files: { '/out': 'x\n' }
  }),
  'check directive': dockerfile('# check=skip=all\nFROM %busybox%\nRUN echo x > /out\n', { files: { '/out': 'x\n' } }),
  'escape directive': dockerfile('# escape=`\nFROM %busybox%\nRUN echo one `\n  two > /out\n', {
    files: { '/out': 'one two\n' }
  }),
  'escape directive, in ENV': dockerfile('# escape=`\nFROM %busybox%\nENV a=b`$c d=e\\f\n', {
    config: { Env: { PATH: '/bin:/usr/bin', a: 'b$c', d: 'e\\f' } }
  }),
  'escape directive in capitals': dockerfile('# ESCAPE=`\nFROM %busybox%\nRUN echo one `\n  two > /out\n', {
    files: { '/out': 'one two\n' }
  }),
  'escape directive after a comment is one': dockerfile(
    '# a comment\n# escape=`\nFROM %busybox%\nRUN echo one \\\n  two > /out\n',
    { files: { '/out': 'one two\n' } }
  ),
  'escape directive that is none': dockerfile('# escape=x\nFROM %busybox%\n', { refused: true }),
  'escape directive twice': dockerfile('# escape=`\n# escape=`\nFROM %busybox%\n', { refused: true }),
  'both directives': dockerfile(
    '# syntax=docker/dockerfile:1\n# escape=`\nFROM %busybox%\nRUN echo one `\n  two > /out\n',
    { files: { '/out': 'one two\n' } }
  ),
  'lines that end as on Windows': dockerfile('FROM %busybox%\r\nRUN echo x > /out\r\nENV a=b\r\n', {
    files: { '/out': 'x\n' },
    config: { Env: { PATH: '/bin:/usr/bin', a: 'b' } }
  }),
  'lines that end as on Windows, continued': dockerfile('FROM %busybox%\r\nRUN echo one \\\r\n  two > /out\r\n', {
    files: { '/out': 'one two\n' }
  }),
  'byte order mark': dockerfile('\ufeffFROM %busybox%\nRUN echo x > /out\n', { files: { '/out': 'x\n' } }),
  'blanks in front of instructions': dockerfile('  FROM %busybox%\n\tRUN echo x > /out\n', {
    files: { '/out': 'x\n' }
  }),
  'no newline at the end': dockerfile('FROM %busybox%\nRUN echo x > /out', { files: { '/out': 'x\n' } }),
  'a backslash at the end': dockerfile('FROM %busybox%\nRUN echo x > /out \\', { files: { '/out': 'x\n' } }),
  'comments anywhere': dockerfile('# one\n\nFROM %busybox%\n  # two\nRUN echo \\\n# three\n  x > /out\n# four\n', {
    files: { '/out': 'x\n' }
  }),
  'a hash inside a line': busybox('RUN echo a#b "#c" > /out', { files: { '/out': 'a#b #c\n' } }),
  'instructions in mixed case': dockerfile(
    'From %busybox%\neNv a=1\nlabel b=2\nworkdir /w\nuser 5\nexpose 80\nvolume /v\nstopsignal 9\n',
    {
      config: {
        Env: { PATH: '/bin:/usr/bin', a: '1' },
        ExposedPorts: ['80/tcp'],
        Labels: { b: '2' },
        StopSignal: '9',
        User: '5',
        Volumes: ['/v'],
        WorkingDir: '/w'
      }
    }
  ),
  'copy, add, arg and shell in lower case': busybox(
    'arg a=x\nshell ["/bin/sh", "-ec"]\ncopy f /one\nadd f /two\nrun echo $a > /three',
    {
      context: { f: 'f\n' },
      files: { '/one': 'f\n', '/two': 'f\n', '/three': 'x\n' }
    }
  ),
  'an unknown instruction': busybox('NOTHING here', { refused: true }),
  'an instruction before FROM': dockerfile('ENV a=1\nFROM %busybox%\n', { refused: true }),
  'an empty continuation line': busybox('RUN echo one \\\n\n\n  two > /out', { files: { '/out': 'one two\n' } }),
  'very long line': busybox(`RUN echo ${'x'.repeat(5000)} > /out`, { files: { '/out': `${'x'.repeat(5000)}\n` } })
})

const TREE = { 'a.txt': 'a', 'b.log': 'b', 'd/c.txt': 'c', 'd/e.log': 'e', 'd/f/g.txt': 'g', '.hidden': 'h' }
const ignoring = (text: string) => ({ ...TREE, '.dockerignore': text })

export const dockerignore = group('.dockerignore', {
  'a name': busybox('COPY . /o', { context: ignoring('a.txt\n'), files: { '/o/b.log': 'b' }, absent: ['/o/a.txt'] }),
  'a wildcard at the top': busybox('COPY . /o', {
    context: ignoring('*.txt\n'),
    files: { '/o/d/c.txt': 'c' },
    absent: ['/o/a.txt']
  }),
  'a wildcard everywhere': busybox('COPY . /o', {
    context: ignoring('**/*.txt\n'),
    files: { '/o/d/e.log': 'e' },
    absent: ['/o/a.txt', '/o/d/f/g.txt']
  }),
  'a directory': busybox('COPY . /o', { context: ignoring('d\n'), absent: ['/o/d', '/o/d/c.txt'] }),
  'a directory with a slash': busybox('COPY . /o', { context: ignoring('d/\n'), absent: ['/o/d/c.txt'] }),
  'a path with a slash in front': busybox('COPY . /o', {
    context: ignoring('/d/f\n'),
    files: { '/o/d/c.txt': 'c' },
    absent: ['/o/d/f/g.txt']
  }),
  'an exception': busybox('COPY . /o', {
    context: ignoring('*\n!a.txt\n'),
    files: { '/o/a.txt': 'a' },
    absent: ['/o/b.log', '/o/d']
  }),
  'an exception below a directory': busybox('COPY . /o', {
    context: ignoring('d\n!d/f/g.txt\n'),
    files: { '/o/d/f/g.txt': 'g' },
    absent: ['/o/d/c.txt']
  }),
  'order decides': busybox('COPY . /o', { context: ignoring('!a.txt\n*.txt\n'), absent: ['/o/a.txt'] }),
  'comments and empty lines': busybox('COPY . /o', {
    context: ignoring('# a.txt\n\n  b.log  \n'),
    files: { '/o/a.txt': 'a' },
    absent: ['/o/b.log']
  }),
  'a question mark and a set': busybox('COPY . /o', {
    context: ignoring('?.txt\n[b].log\n'),
    absent: ['/o/a.txt', '/o/b.log']
  }),
  'the Dockerfile and itself': busybox('COPY . /o', {
    context: ignoring('Dockerfile\n.dockerignore\n'),
    files: { '/o/a.txt': 'a' },
    absent: ['/o/Dockerfile', '/o/.dockerignore']
  }),
  everything: busybox('COPY . /o', { context: ignoring('**\n') }),
  'an ignored file by name': busybox('COPY a.txt /o', { context: ignoring('a.txt\n'), refused: true }),
  'an ignored file by a wildcard': busybox('COPY *.txt *.log /o/', {
    context: ignoring('a.txt\n'),
    files: { '/o/b.log': 'b' },
    absent: ['/o/a.txt']
  }),
  'of an ADD': busybox('ADD . /o', { context: ignoring('*.log\n'), absent: ['/o/b.log'] }),
  'a hidden file': busybox('COPY . /o', { context: ignoring('.*\n'), absent: ['/o/.hidden', '/o/.dockerignore'] }),
  'beside the Dockerfile, by its name': busybox('COPY . /o', {
    context: { ...ignoring('a.txt\n'), 'Dockerfile.dockerignore': 'b.log\n' },
    files: { '/o/a.txt': 'a' },
    absent: ['/o/b.log']
  }),
  'a pattern that is none': busybox('COPY . /o', { context: ignoring('[\n'), refused: true }),
  'does not touch COPY --from': dockerfile(
    'FROM %busybox% AS a\nRUN echo x > /a.txt\nFROM scratch\nCOPY --from=a /a.txt /out\n',
    {
      context: ignoring('*.txt\n'),
      files: { '/out': 'x\n' }
    }
  ),
  'lines that end as on Windows': busybox('COPY . /o', {
    context: ignoring('a.txt\r\nb.log\r\n'),
    absent: ['/o/a.txt', '/o/b.log']
  }),
  'links in the context': busybox('COPY . /o', {
    context: { ...ignoring('d\n'), l: { link: 'd/c.txt' } },
    files: { '/o/l': /-> d\/c\.txt/ }
  })
})
