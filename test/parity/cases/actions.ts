/** Dockerfiles as authors of container actions write them. */
import { busybox, debian, dockerfile, group } from '../case.ts'

const program = (text: string) => ({ text: `#!/bin/sh\n${text}\n`, mode: 0o755 })
const ENTRY = { 'entrypoint.sh': program('echo "Hello $1"') }

export const actions = group('Whole actions', {
  "the one of GitHub's tutorial": busybox(
    '# Container image that runs your code\n\n# Copies your code file\nCOPY entrypoint.sh /entrypoint.sh\n\n# Code file to execute\nENTRYPOINT ["/entrypoint.sh"]',
    {
      context: ENTRY,
      files: { '/entrypoint.sh': /^file 755/ },
      config: { Entrypoint: ['/entrypoint.sh'] }
    }
  ),
  'labels of the marketplace': busybox(
    'LABEL "com.github.actions.name"="Lint it" \\\n      "com.github.actions.description"="Runs a linter: \\"all of it\\"" \\\n      "com.github.actions.icon"="code"\nLABEL "repository"="https://example.org/owner/action"\nLABEL "maintainer"="Some Body <some@body.example>"\nADD entrypoint.sh /\nRUN chmod +x /entrypoint.sh\nENTRYPOINT ["/entrypoint.sh"]',
    { context: { 'entrypoint.sh': 'echo\n' }, files: { '/entrypoint.sh': /^file 755/ } }
  ),
  'a script in Python': debian(
    'WORKDIR /app\nCOPY requirements.txt .\nRUN test -s requirements.txt\nCOPY src/ /app/\nENV PYTHONDONTWRITEBYTECODE=1 \\\n    PYTHONUNBUFFERED=1 \\\n    PYTHONPATH=/app\nRUN python3 -c "import main; main.main()"\nENTRYPOINT ["python3", "/app/main.py"]',
    {
      context: {
        'requirements.txt': 'requests\n',
        'src/main.py': "def main():\n    open('/ran', 'w').write('main')\n",
        'src/lib/__init__.py': ''
      },
      files: { '/app/main.py': /^file/, '/app/lib/__init__.py': '', '/ran': 'main' }
    }
  ),
  'packages, with a cache that is removed': debian(
    'ARG DEBIAN_FRONTEND=noninteractive\nRUN set -eux; \\\n    mkdir -p /var/lib/apt/lists/partial /usr/share/tool; \\\n    echo index > /var/lib/apt/lists/index; \\\n    echo tool > /usr/share/tool/data; \\\n    rm -rf /var/lib/apt/lists/*',
    { files: { '/usr/share/tool/data': 'tool\n' } }
  ),
  'a user of its own': debian(
    'RUN groupadd --gid 1500 action && useradd --uid 1500 --gid action --create-home --shell /bin/bash action\nCOPY --chown=action:action entrypoint.sh /home/action/entrypoint.sh\nUSER action\nWORKDIR /home/action\nRUN touch made && mkdir -p .config/tool && echo yes > .config/tool/accepted\nENTRYPOINT ["/home/action/entrypoint.sh"]',
    { context: ENTRY, files: { '/home/action/entrypoint.sh': /^file 755 1500:1500/, '/home/action/made': /1500:1500/ } }
  ),
  'a user of busybox': busybox(
    'RUN mkdir -p /etc /home/app && echo app:x:1500:1500::/home/app:/bin/sh >> /etc/passwd && echo app:x:1500: >> /etc/group && chown app:app /home/app\nUSER app:app\nWORKDIR /home/app\nCOPY --chown=1500:1500 . .',
    { context: ENTRY, files: { '/home/app/entrypoint.sh': /^file 755 1500:1500/ } }
  ),
  'built in one stage, run in another': dockerfile(
    'ARG VERSION=1.2.3\nFROM %debian% AS build\nARG VERSION\nWORKDIR /src\nCOPY . .\nRUN mkdir -p /out/bin && sed "s/@VERSION@/$VERSION/" tool.sh.in > /out/bin/tool && chmod 755 /out/bin/tool\nFROM %busybox%\nARG VERSION\nLABEL version=$VERSION\nCOPY --from=build /out/ /usr/local/\nENTRYPOINT ["/usr/local/bin/tool"]\n',
    {
      context: { 'tool.sh.in': '#!/bin/sh\necho @VERSION@\n' },
      files: { '/usr/local/bin/tool': '#!/bin/sh\necho 1.2.3\n' },
      config: { Labels: { version: '1.2.3' } }
    }
  ),
  'a static program from scratch': dockerfile(
    'FROM %busybox% AS tools\nRUN echo "nobody:x:65534:65534::/:" > /passwd\nFROM scratch\nCOPY --from=tools /passwd /etc/passwd\nCOPY --from=tools /bin/busybox /bin/tool\nUSER nobody\nENTRYPOINT ["/bin/tool"]\nCMD ["--help"]\n',
    { files: { '/bin/tool': /^file 755/ }, config: { Cmd: ['--help'], Entrypoint: ['/bin/tool'], User: 'nobody' } }
  ),
  'tools of several images': dockerfile(
    'FROM %busybox% AS one\nRUN mkdir /o && echo 1 > /o/one\nFROM %busybox% AS two\nRUN mkdir /o && echo 2 > /o/two\nFROM %busybox%\nCOPY --from=one /o/one /opt/\nCOPY --from=two /o/two /opt/\nENV PATH="/opt:${PATH}"\n',
    { files: { '/opt/one': '1\n', '/opt/two': '2\n' }, config: { Env: { PATH: '/opt:/bin:/usr/bin' } } }
  ),
  'problem matchers and a wrapper': busybox(
    'COPY LICENSE README.md /\nCOPY matchers/*.json /matchers/\nCOPY entrypoint.sh /usr/bin/run\nCMD []\nENTRYPOINT ["sh", "-c", "/usr/bin/run $@", "--"]',
    {
      context: { ...ENTRY, LICENSE: 'MIT\n', 'README.md': '# it\n', 'matchers/a.json': '{}', 'matchers/b.json': '{}' },
      files: { '/matchers/b.json': '{}' }
    }
  ),
  'a download that is checked': debian(
    `SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nARG SUM=73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac\nCOPY tool /tmp/tool\nRUN echo "$SUM  /tmp/tool" | sha256sum -c - && install -m 0755 /tmp/tool /usr/local/bin/tool && rm /tmp/tool`,
    { context: { tool: 'x\n' }, files: { '/usr/local/bin/tool': /^file 755/ }, absent: ['/usr/local/bin/none'] }
  ),
  'a pipe that fails under pipefail': debian('SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN false | cat', {
    refused: true
  }),
  'the workspace as WORKDIR': busybox(
    'WORKDIR /github/workspace\nCOPY entrypoint.sh /\nENTRYPOINT ["/entrypoint.sh"]',
    {
      context: ENTRY,
      files: { '/github/workspace': /^dir/ }
    }
  ),
  'an ignore list of a project': busybox('WORKDIR /app\nCOPY . .\nRUN ls -A > /listing', {
    context: {
      ...ENTRY,
      '.dockerignore': '.git\n.github\nnode_modules\n**/*.md\n!README.md\ntest\n',
      '.git/HEAD': 'ref\n',
      '.github/workflows/a.yml': 'on: push\n',
      'node_modules/x/index.js': 'x\n',
      'docs/a.md': 'a\n',
      'README.md': 'r\n',
      'test/t.js': 't\n',
      'src/i.js': 'i\n'
    },
    files: { '/app/src/i.js': 'i\n', '/app/README.md': 'r\n' },
    absent: ['/app/.git', '/app/docs/a.md', '/app/node_modules', '/app/test']
  }),
  'dependencies first, then the code': debian(
    'WORKDIR /app\nCOPY package*.json ./\nRUN mkdir -p node_modules/dep && echo "module.exports = 1" > node_modules/dep/index.js\nCOPY . .\nRUN mkdir dist && cat src/*.js > dist/index.js && rm -r src\nENTRYPOINT ["node", "/app/dist/index.js"]',
    {
      context: { 'package.json': '{}', 'package-lock.json': '{}', 'src/a.js': 'a\n', 'src/b.js': 'b\n' },
      files: { '/app/dist/index.js': 'a\nb\n' }
    }
  ),
  'an entry made by a heredoc': busybox(
    'COPY --chmod=755 <<"EOF" /entrypoint.sh\n#!/bin/sh -l\nset -e\necho "time=$(date)" >> "$GITHUB_OUTPUT"\nEOF\nENTRYPOINT ["/entrypoint.sh"]',
    {
      files: { '/entrypoint.sh': '#!/bin/sh -l\nset -e\necho "time=$(date)" >> "$GITHUB_OUTPUT"\n' }
    }
  ),
  'set up by a heredoc': debian(
    "RUN <<EOF\nset -eux\nmkdir -p /opt/tool/bin\nprintf '#!/bin/sh\\necho tool\\n' > /opt/tool/bin/tool\nchmod 755 /opt/tool/bin/tool\nln -s /opt/tool/bin/tool /usr/local/bin/tool\nEOF\nRUN tool > /out",
    { files: { '/out': 'tool\n' } }
  ),
  'links as package managers make them': debian(
    'RUN mkdir -p /opt/app-1.0/bin && echo x > /opt/app-1.0/bin/app && ln -s app-1.0 /opt/app && ln -s ../../opt/app/bin/app /usr/bin/app && mkdir /etc/alternatives.d && ln -s /usr/bin/app /etc/alternatives.d/app',
    { files: { '/opt/app': /-> app-1\.0/, '/usr/bin/app': /-> \.\.\/\.\.\/opt/ } }
  ),
  'time zone and locale': debian(
    'ENV TZ=Asia/Tokyo LANG=C.UTF-8 LC_ALL=C.UTF-8\nRUN ln -snf /usr/share/zoneinfo/$TZ /etc/localtime && echo $TZ > /etc/timezone',
    {
      files: { '/etc/timezone': 'Asia/Tokyo\n', '/etc/localtime': /-> \/usr\/share\/zoneinfo\/Asia\/Tokyo/ }
    }
  )
})
