# Shared by up, in, load, proxy-mode and down: where things are, and how to run something in the cluster's network namespace.
CLUSTER_HOME="${CLUSTER_HOME:-$HOME/.cache/one-node-cluster}"
NETNS="${CLUSTER_NETNS:-one-node}"
BIN="$CLUSTER_HOME/bin"; STATE="$CLUSTER_HOME/state"; WORK="$CLUSTER_HOME/work"
K8S_VERSION="${K8S_VERSION:-v1.36.3}"
CONTAINERD_VERSION="${CONTAINERD_VERSION:-v2.2.9}"
RUNC_VERSION="${RUNC_VERSION:-v1.4.3}"
COREDNS_VERSION="${COREDNS_VERSION:-v1.12.4}"
BUILDKIT_VERSION="${BUILDKIT_VERSION:-v0.28.0}"
HELM_VERSION="${HELM_VERSION:-v3.22.0}"
GO_VERSION="${GO_VERSION:-1.26.0}"
# The runner brings both for JavaScript actions.
NODE_20_VERSION="${NODE_20_VERSION:-20}" NODE_24_VERSION="${NODE_24_VERSION:-24}"
PATH="$BIN:$PATH"
export PATH STORAGE_DRIVER=vfs KUBECONFIG_ADMIN="$STATE/pki/admin.kubeconfig"
# How the proxy of each node makes services answer: iptables, nftables.
PROXY_MODE="${PROXY_MODE:-iptables}"
# The first node, n1, has the control plane.
netns_of() { case "$1" in n1) echo "$NETNS" ;; *) echo "$NETNS-$1" ;; esac; }
dir_of() { case "$1" in n1) echo "$STATE" ;; *) echo "$STATE/$1" ;; esac; }
address_of() { echo "10.99.0.${1#n}"; }
pods_of() { echo "10.244.$((${1#n} - 1)).0/24"; }
# inns NODE COMMAND...: in the node's network namespace.
inns() { local netns; netns="$(netns_of "$1")"; shift; nsenter --net="/run/netns/$netns" "$@"; }
kube() { inns n1 env KUBECONFIG="$KUBECONFIG_ADMIN" kubectl "$@"; }
# on_runtime NODE ARGUMENT...: ctr on the containerd of a node.
on_runtime() { local dir; dir="$(dir_of "$1")"; shift; "$BIN/ctr" -a "$dir/containerd.sock" -n k8s.io "$@" 2> >(grep -v DEPRECATION >&2); }
say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
die() { say "$*"; exit 1; }
# alive NAME: the process of NAME.pid runs, and is not another one that got the same number after a reboot.
alive() {
  local pid; pid="$(cat "$STATE/$1.pid" 2>/dev/null)" && [ -n "$pid" ] && grep -qaF -- "$STATE" "/proc/$pid/cmdline" 2>/dev/null
}
# start NODE NAME COMMAND...: in the node's network, unless it runs. Descriptor 9, the lock of up, is not left to what stays.
start() {
  local netns name="$2"; netns="$(netns_of "$1")"; shift 2; alive "$name" && return 0
  setsid nohup nsenter --net="/run/netns/$netns" "$@" >>"$STATE/logs/$name.log" 2>&1 </dev/null 9>&- & echo $! > "$STATE/$name.pid"
}
# stop NAME ...: SIGTERM, then SIGKILL for what is still there five seconds later.
stop() {
  local name pids=()
  for name in "$@"; do alive "$name" && pids+=("$(cat "$STATE/$name.pid")"); rm -f "$STATE/$name.pid"; done
  [ ${#pids[@]} = 0 ] && return 0
  kill "${pids[@]}" 2>/dev/null || true
  for _ in $(seq 50); do kill -0 "${pids[@]}" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL "${pids[@]}" 2>/dev/null || true
}
# start_proxy NODE: kube-proxy in the mode PROXY_MODE, unless it runs.
start_proxy() {
  local n="$1" dir; dir="$(dir_of "$1")"
  alive "proxy-$n" || cat > "$dir/proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $STATE/pki/proxy.kubeconfig}
hostnameOverride: $n
mode: $PROXY_MODE
clusterCIDR: 10.244.0.0/16
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
Y
  start "$n" "proxy-$n" "$BIN/kube-proxy" --config="$dir/proxy.yaml"
}
# wait_until SECONDS WHAT COMMAND...: tries COMMAND twice a second; dies with WHAT when the time is over.
wait_until() {
  local seconds="$1" what="$2"; shift 2
  for _ in $(seq $((seconds * 2))); do "$@" >/dev/null 2>&1 && return 0; sleep 0.5; done
  whats_wrong >&2
  die "$what after $seconds s; logs are in $STATE/logs"
}
# whats_wrong: pods that do not run, what was said of them, and the last lines of each process, for who has only the output.
whats_wrong() {
  if kube --request-timeout=10s get pods -A -o wide 2>/dev/null | grep -vE ' (Running|Completed) '; then
    kube --request-timeout=10s get events -A --field-selector type!=Normal --sort-by=.lastTimestamp 2>/dev/null | tail -n 20 | cut -c1-300
  fi
  local log; for log in "$STATE"/logs/{etcd,apiserver,containerd-n?,kubelet-n?,proxy-n?}.log; do
    [ -f "$log" ] && { echo "--- ${log##*/}"; tail -n 5 "$log" | cut -c1-300; }
  done
  return 0
}
