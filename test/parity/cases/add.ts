/** ADD: archives, which it unpacks, and what it does as COPY does. */
import { busybox, dockerfile, group } from '../case.ts'

const TAR = {
  'd/': { directory: true, mode: 0o750, owner: [5, 6] },
  'd/f': { text: 'x\n', mode: 0o640, owner: [7, 8] },
  'd/l': { link: 'f' },
  s: { text: 's', mode: 0o4755 }
} as const

/** `a.txt` with `x`, as `tar -cJ`, `tar -cj` and `tar --zstd -c` make it. */
const XZ =
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Cf/AGddADCLiofEDvKXpPh1PcWp7dmXqh6v1c6hbaRg0yW4LTzFzLyqjd6FZcmWtWHnKDKXCsJzAfC8me/uvGzlDcBfzkUc8Fn8WPbKZipVh3aVxlN52DCVxuaAdXzWLPy/77Iu2nGMf7D2iAAAAM3k4myB5Ef1AAGDAYBQAACQA/TnscRn+wIAAAAABFla'
const BZIP2 =
  'QlpoOTFBWSZTWUlxGQUAAHh7kMmQAEBAAXWAAAhgAJ5ABAAACCAAVCUoxMh5IZD0CSUeoA2oHqGSVbV70IMsBCRDPDETtpigQwv7gnh0IvHvQSBbxqkry1N7VPhlV4nT/vjlkRAyLuSKcKEgkuIyCg=='
const ZSTD =
  'KLUv/QRYjQIA9AJhLnR4dAAwMDAwNjQ0MDAwMDAwMgAAMDExNzY2ACAwAHVzdGFyADAwcm9vAHgKAAwA+gXwQwL08BFAU8BQHCys2wOQHIgABg1wrFxmJ1AE7JMGhA=='

export const add = group('ADD', {
  file: busybox('ADD a /out', { context: { a: 'x\n' }, files: { '/out': 'x\n' } }),
  directory: busybox('ADD d /out', { context: { 'd/a': 'x\n' }, files: { '/out/a': 'x\n' } }),
  'wildcards and several': busybox('ADD a* b /out/', {
    context: { a1: '1', a2: '2', b: 'b' },
    files: { '/out/a2': '2', '/out/b': 'b' }
  }),
  archive: busybox('ADD t.tar /out', {
    context: { 't.tar': { tar: TAR } },
    files: { '/out/d': /^dir 750 5:6/, '/out/d/f': /^file 640 7:8/, '/out/d/l': /-> f/, '/out/s': /^file 4755/ }
  }),
  'archive, gzip': busybox('ADD t.tar.gz /out/', {
    context: { 't.tar.gz': { tar: TAR, gzip: true } },
    files: { '/out/d/f': 'x\n' }
  }),
  'archive, bzip2': busybox('ADD t.tar.bz2 /out/', {
    context: { 't.tar.bz2': { base64: BZIP2 } },
    files: { '/out/a.txt': 'x\n' }
  }),
  'archive, xz': busybox('ADD t.tar.xz /out/', {
    context: { 't.tar.xz': { base64: XZ } },
    files: { '/out/a.txt': 'x\n' }
  }),
  'archive, zstd': busybox('ADD t.tar.zst /out/', {
    context: { 't.tar.zst': { base64: ZSTD } },
    files: { '/out/a.txt': 'x\n' }
  }),
  'archive by another name': busybox('ADD t.bin /out/', {
    context: { 't.bin': { tar: TAR, gzip: true } },
    files: { '/out/d/f': 'x\n' }
  }),
  'archive by a wildcard': busybox('ADD t*.tar /out/', {
    context: { 't1.tar': { tar: { a: '1' } }, 't2.tar': { tar: { b: '2' } } },
    files: { '/out/a': '1', '/out/b': '2' }
  }),
  'archive onto the root': busybox('ADD t.tar /', {
    context: { 't.tar': { tar: { 'bin/new': 'x\n', 'etc/x': 'y\n' } } },
    files: { '/bin/new': 'x\n', '/etc/x': 'y\n' }
  }),
  'archive over files': busybox('RUN mkdir /out && echo old > /out/a && echo kept > /out/b\nADD t.tar /out', {
    context: { 't.tar': { tar: { a: 'new\n' } } },
    files: { '/out/a': 'new\n', '/out/b': 'kept\n' }
  }),
  'archive to a relative path': busybox('WORKDIR /w\nADD t.tar x', {
    context: { 't.tar': { tar: { a: '1' } } },
    files: { '/w/x/a': '1' }
  }),
  'archive through a link': busybox('RUN mkdir /real && ln -s /real /l\nADD t.tar /l', {
    context: { 't.tar': { tar: { a: '1' } } },
    files: { '/real/a': '1' }
  }),
  'archive with --chown': busybox('ADD --chown=9:9 t.tar /out', { context: { 't.tar': { tar: TAR } } }),
  'archive inside a directory stays one': busybox('ADD d /out', {
    context: { 'd/t.tar': { tar: TAR } },
    files: { '/out/t.tar': /^file 644/ }
  }),
  'a file that is gzip but no archive': busybox('ADD t.gz /out/', {
    context: { 't.gz': { text: 'x\n', gzip: true } },
    files: { '/out/t.gz': /^file/ }
  }),
  'a file that is called .tar but is none': busybox('ADD t.tar /out/', {
    context: { 't.tar': 'no archive\n' },
    files: { '/out/t.tar': 'no archive\n' }
  }),
  '--chown': busybox('ADD --chown=5:6 a /out', { context: { a: 'x\n' }, files: { '/out': /^file 644 5:6/ } }),
  '--chmod': busybox('ADD --chmod=710 a /out', { context: { a: 'x\n' }, files: { '/out': /^file 710/ } }),
  '--unpack=false': busybox('ADD --unpack=false t.tar /out/', {
    context: { 't.tar': { tar: TAR } },
    files: { '/out/t.tar': /^file/ },
    absent: ['/out/d']
  }),
  '--checksum of a file of the context': busybox(
    'ADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 a /out',
    { context: { a: 'x\n' }, refused: true }
  ),
  '--exclude': busybox('ADD --exclude=b d /out', {
    context: { 'd/a': 'a', 'd/b': 'b' },
    files: { '/out/a': 'a' },
    absent: ['/out/b']
  }),
  '--link': busybox('ADD --link a /x/y', { context: { a: 'x\n' }, files: { '/x/y': 'x\n' } }),
  'a link, named': busybox('ADD l /out', { context: { t: 'x\n', l: { link: 't' } }, files: { '/out': 'x\n' } }),
  variables: busybox('ARG f=a\nADD ${f} /out-$f', { context: { a: 'x\n' }, files: { '/out-a': 'x\n' } }),
  'a source that is not there': busybox('ADD nowhere /out', { refused: true }),
  'a page that is not there': busybox('ADD http://127.0.0.1:9/x /out', { refused: true }),
  '--from does not belong to it': dockerfile('FROM %busybox% AS a\nFROM scratch\nADD --from=a /bin/busybox /b\n', {
    refused: true
  })
})
