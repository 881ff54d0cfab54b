/**
 * BuildKit with a daemon of the build's own, in the container that builds: for nodes with user namespaces and a seccomp profile that lets
 * a container start others inside of it (docs/adr/0020). It has no right on the node and holds no credentials for pushing: Kaniko's
 * `executor push` pushes the layout, as for the daemon elsewhere.
 */
import { StepError } from '../../errors.ts'
import { parseReference } from '../registry/reference.ts'
import { buildArguments, buildkit, buildScript } from './buildkit.ts'
import type { BuilderDefinition, BuildSpec } from './definition.ts'
import { kaniko } from './kaniko.ts'

/** Ten in a second: a busy node starts it in a few. */
const START_LOOKS_MAX = 600
/** How many ids there are where nobody has made a user namespace. */
const ALL_IDS = 4_294_967_295
const CONFIG = 'BUILDKITD_TOML'

/**
 * The daemon needs more rights than the container has, and gets them where they count for nothing outside: in a user namespace inside of
 * the pod's own. One process holds that namespace; the shell, which may set ids, says which ids there are in it, and whoever enters it is
 * its root. Each RUN has processes of its own where the pod's /proc is not masked; where it is, the kernel lets nobody mount another.
 */
const script = (spec: BuildSpec, state: string) => `fail() { echo "error: $1" >&2; exit 1; }
why() { tail -n 20 ${state}/log >&2; grep -m 1 '^buildkitd: ' ${state}/log || tail -n 1 ${state}/log; }
cannot() { fail "buildkitd cannot start: \${1:-$(why)}"; }
: >${state}/log && mkfifo ${state}/held || exit 1
read -r _ _ ids </proc/self/uid_map
[ "$ids" -lt ${ALL_IDS} ] || cannot 'the pod has no user namespace'
unshare -U sh -c 'echo; exec sleep 2147483647' >${state}/held 2>${state}/log & holder=$!
read -r _ <${state}/held || cannot
for map in uid_map gid_map; do echo "0 0 $ids" >/proc/$holder/$map || cannot "$map"; done
alone=
nsenter -U -t $holder unshare -m -p -f mount -t proc proc /proc 2>/dev/null || {
  echo 'BuildKit: /proc is masked here, so a RUN sees the processes of its builder'
  printf %s "$ENDING" >${state}/runc && chmod 755 ${state}/runc || exit 1
  alone="--oci-worker-no-process-sandbox --oci-worker-binary=${state}/runc"
}
printf %s "$${CONFIG}" >${state}/buildkitd.toml
nsenter -U -t $holder unshare -m buildkitd --config=${state}/buildkitd.toml --root=${state}/root \\
  --addr=unix://${state}/socket --otel-socket-path=${state}/traces --oci-worker-gc=false $alone >${state}/log 2>&1 & daemon=$!
looks=0
until [ -S ${state}/socket ]; do
  sleep 0.1; looks=$((looks + 1))
  kill -0 $daemon 2>/dev/null || cannot
  [ $looks -lt ${START_LOOKS_MAX} ] || fail "buildkitd did not start in time: $(why)"
done
${buildScript(spec)} && exit 0
sleep 0.2
kill -0 $daemon 2>/dev/null && exit 1
wait $daemon; fail "buildkitd ended with exit code $?"`

/**
 * runc for a daemon whose containers share its processes: what a RUN leaves running ends with it, as where each has its own, and before
 * its image is looked at. It is known by the file system that it has for its root, which nobody has but this RUN.
 */
const ending = (state: string) => `#!/bin/sh
bundle=
for word; do
  shift; set -- "$@" "$word"
  case "$bundle$word" in next*) bundle=$word; set -- "$@" --pid-file "$word/first" ;; --bundle) bundle=next ;; esac
done
[ -n "$bundle" ] || exec runc "$@"
of() { stat -L -c %d "$1" 2>/dev/null; }
runs() { kill -0 "$1" 2>/dev/null; }
runc "$@" & runc=$!
until [ -s "$bundle/first" ] || ! runs $runc; do sleep 0.05; done
root=$(of "$bundle/rootfs/")
while runs "$(cat "$bundle/first" 2>/dev/null)"; do sleep 0.05; done
for _ in 1 2 3 4 5 6 7 8 9; do
  left=
  [ "$root" = "$(of ${state})" ] || for process in /proc/[0-9]*; do
    [ "$(of $process/root/)" != "\${root:-none}" ] || left="$left \${process#/proc/}"
  done
  [ -n "$left" ] && kill -9 $left || break
done
wait $runc
`

/** buildkitd.toml: how registries are reached. */
function configOf({ mirrors = [], plainHttpHosts, registryAuthorityPath, pushReference }: BuildSpec): string {
  const own = parseReference(pushReference).host
  const hosts = [...mirrors.map(({ registry }) => registry), ...plainHttpHosts, ...(registryAuthorityPath ? [own] : [])]
  return [...new Set(hosts)]
    .map((host) => {
      const asked = mirrors.flatMap(({ registry, mirror }) => (registry === host ? [mirror] : []))
      const lines = [
        `[registry.${JSON.stringify(host)}]`,
        ...(asked.length > 0 ? [`mirrors = ${JSON.stringify(asked)}`] : []),
        ...(plainHttpHosts.includes(host) ? ['http = true'] : []),
        ...(registryAuthorityPath && host === own ? [`ca = ${JSON.stringify([registryAuthorityPath])}`] : [])
      ]
      return `${lines.join('\n')}\n`
    })
    .join('')
}

export const buildkitInPod: BuilderDefinition = {
  ...buildkit,
  name: 'buildkit-in-pod',
  needs: 'seccomp-profile',
  // Three to say which ids there are in the namespace, one to read files of the context that are their owner's alone.
  buildCapabilities: ['DAC_OVERRIDE', 'SETFCAP', 'SETGID', 'SETUID'],
  // What the container may not, no RUN in it may: sudo.
  mayEscalate: true,
  containers: (spec) => {
    const { statePath } = spec
    if (statePath === undefined)
      throw new StepError('internal', 'BuildKit is asked to build without a disk for its layers')
    return {
      build: {
        command: ['sh', '-c', script(spec, statePath), 'buildctl'],
        args: buildArguments(spec),
        env: { BUILDKIT_HOST: `unix://${statePath}/socket`, [CONFIG]: configOf(spec), ENDING: ending(statePath) }
      },
      push: kaniko.containers(spec).push
    }
  }
}
