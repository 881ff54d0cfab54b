/** ENV, ARG and how words of instructions are expanded. */
import { busybox, dockerfile, group } from '../case.ts'

const env = (Env: Readonly<Record<string, string>>) => ({ config: { Env: { PATH: '/bin:/usr/bin', ...Env } } })

export const environment = group('ENV and ARG', {
  ENV: busybox('ENV a=1 b=2', env({ a: '1', b: '2' })),
  'ENV in the old form': busybox('ENV a b  c', env({ a: 'b  c' })),
  'ENV in quotes': busybox(`ENV a="b  c" d='e f' g=h\\ i j="k\\"l"`, env({ a: 'b  c', d: 'e f', g: 'h i', j: 'k"l' })),
  'ENV of nothing': busybox('ENV a= b=""', env({ a: '', b: '' })),
  'ENV over lines': busybox('ENV a=1 \\\n    b=2 \\\n    c="3 4"', env({ a: '1', b: '2', c: '3 4' })),
  'ENV again': busybox('ENV a=1\nENV a=2', env({ a: '2' })),
  'ENV of other ENV': busybox('ENV a=1\nENV b=$a-2 c=${a}3 d=${a}', env({ a: '1', b: '1-2', c: '13', d: '1' })),
  'ENV of one of the same line': busybox('ENV a=old\nENV a=new b=$a', env({ a: 'new', b: 'old' })),
  'ENV with a default': busybox('ENV b=${a:-x} c=${a-y} d=${e:=z}', { ...env({ b: 'x', c: 'y' }), refused: true }),
  'ENV with a default of ${a:-x}': busybox('ENV b=${a:-x} c=${a-y}', env({ b: 'x', c: 'y' })),
  'ENV with an alternative': busybox(
    'ENV a=1\nENV b=${a:+x} c=${n:+x} d=${a+y}',
    env({ a: '1', b: 'x', c: '', d: 'y' })
  ),
  'ENV that is required': busybox('ENV b=${a:?is not set}', { refused: true }),
  'ENV with a prefix taken off': busybox(
    'ENV a=foo.bar.baz\nENV b=${a#*.} c=${a##*.}',
    env({ a: 'foo.bar.baz', b: 'bar.baz', c: 'baz' })
  ),
  'ENV with a suffix taken off': busybox(
    'ENV a=foo.bar.baz\nENV b=${a%.*} c=${a%%.*}',
    env({ a: 'foo.bar.baz', b: 'foo.bar', c: 'foo' })
  ),
  'ENV with a part replaced': busybox(
    'ENV a=a-b-c\nENV b=${a/-/+} c=${a//-/+}',
    env({ a: 'a-b-c', b: 'a+b-c', c: 'a+b+c' })
  ),
  'ENV with a default in a default': busybox('ENV b=${a:-${c:-d}}', env({ b: 'd' })),
  'ENV with escaped dollars': busybox(
    'ENV a=1\nENV b=\\$a c=\\${a} d=\'$a\' e="\\$a"',
    env({ a: '1', b: '$a', c: '${a}', d: '$a', e: '$a' })
  ),
  'ENV with backslashes': busybox('ENV a=b\\\\c d="e\\\\f" g=\'h\\i\'', env({ a: 'b\\c', d: 'e\\f', g: 'h\\i' })),
  'ENV with equals signs': busybox('ENV a=b=c d==', env({ a: 'b=c', d: '=' })),
  'ENV beyond ASCII': busybox('ENV größe=日本', env({ größe: '日本' })),
  'ENV with a hash': busybox('ENV a=#b c="# d"', env({ a: '#b', c: '# d' })),
  'ENV with tabs': busybox('ENV\ta=1\tb=2', env({ a: '1', b: '2' })),
  'ENV that extends PATH': busybox(
    'ENV PATH=/opt/bin:$PATH\nRUN mkdir -p /opt/bin && printf "#!/bin/sh\\necho x > /out\\n" > /opt/bin/t && chmod +x /opt/bin/t && t',
    {
      files: { '/out': 'x\n' },
      config: { Env: { PATH: '/opt/bin:/bin:/usr/bin' } }
    }
  ),
  'ENV without a value': busybox('ENV a', { refused: true }),
  'ENV with a name that is empty': busybox('ENV =1', { refused: true }),
  'ENV with a blank before the equals sign': busybox('ENV a =1'),
  'ENV of HOME': busybox('ENV HOME=/h\nRUN echo "$HOME" > /out', { files: { '/out': '/h\n' } }),
  'ARG with a default': busybox('ARG a=1\nRUN echo "$a" > /out', { files: { '/out': '1\n' } }),
  'ARG without one': busybox('ARG a\nRUN echo "[$a]${a-unset}" > /out', { files: { '/out': '[]unset\n' } }),
  'ARG of nothing': busybox('ARG a=\nRUN echo "[${a-unset}]" > /out', { files: { '/out': '[]\n' } }),
  'ARG several on a line': busybox('ARG a=1 b=2 c\nRUN echo "$a$b$c" > /out', { files: { '/out': '12\n' } }),
  'ARG in quotes': busybox(`ARG a="1 2"\nARG b='3 4'\nRUN echo "$a$b" > /out`, { files: { '/out': '1 23 4\n' } }),
  'ARG of another ARG': busybox('ARG a=1\nARG b=$a-${c:-2}\nRUN echo "$b" > /out', { files: { '/out': '1-2\n' } }),
  'ARG again': busybox('ARG a=1\nARG a=2\nRUN echo "$a" > /out', { files: { '/out': '2\n' } }),
  'ARG again without a default': busybox('ARG a=1\nARG a\nRUN echo "[$a]" > /out'),
  'ARG below ENV of the same name': busybox('ARG a=arg\nENV a=env\nRUN echo "$a" > /out', {
    files: { '/out': 'env\n' }
  }),
  'ARG after ENV of the same name': busybox('ENV a=env\nARG a=arg\nRUN echo "$a" > /out', {
    files: { '/out': 'arg\n' }
  }),
  'ARG is not in the config': busybox('ARG a=1\nRUN true', env({})),
  'ARG becomes ENV': busybox('ARG a=1\nENV a=$a', env({ a: '1' })),
  'ARG is seen only after its line': busybox('RUN echo "[$a]" > /one\nARG a=1\nRUN echo "[$a]" > /two', {
    files: { '/one': '[]\n', '/two': '[1]\n' }
  }),
  'ARG of nothing at all': busybox('ARG', { refused: true }),
  'ARG of a predefined proxy': busybox('RUN echo "[$HTTP_PROXY]" > /out', { files: { '/out': '[]\n' } }),
  'predefined platform arguments, declared': busybox(
    'ARG TARGETPLATFORM\nARG TARGETOS\nARG TARGETARCH\nARG TARGETVARIANT\nARG BUILDPLATFORM\nARG BUILDOS\nARG BUILDARCH\nRUN echo "$TARGETPLATFORM $TARGETOS $TARGETARCH [$TARGETVARIANT] $BUILDPLATFORM $BUILDOS $BUILDARCH" > /out',
    { files: { '/out': 'linux/amd64 linux amd64 [] linux/amd64 linux amd64\n' } }
  ),
  'predefined platform arguments, not declared': busybox('RUN echo "[$TARGETARCH]" > /out', {
    files: { '/out': '[]\n' }
  }),
  'predefined platform argument with a default': busybox('ARG TARGETARCH=other\nRUN echo "$TARGETARCH" > /out'),
  'predefined platform argument in ENV and LABEL': busybox(
    'ARG TARGETARCH\nENV a=$TARGETARCH\nLABEL b=${TARGETOS:-none}',
    {
      config: { Env: { PATH: '/bin:/usr/bin', a: 'amd64' }, Labels: { b: 'none' } }
    }
  ),
  TARGETSTAGE: dockerfile('FROM %busybox% AS last\nARG TARGETSTAGE\nRUN echo "$TARGETSTAGE" > /out\n'),
  'expansion in WORKDIR, USER and VOLUME': busybox('ENV d=/w u=5 v=/v\nWORKDIR $d/${u}\nUSER ${u}\nVOLUME ${v}', {
    config: { User: '5', Volumes: ['/v'], WorkingDir: '/w/5', Env: { PATH: '/bin:/usr/bin', d: '/w', u: '5', v: '/v' } }
  }),
  'a brace that is not closed': busybox('ENV a=${b', { refused: true }),
  'a modifier that is unknown': busybox('ENV a=${b^^}', { refused: true })
})
