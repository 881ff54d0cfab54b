# Shared by up, in, load and down: where things are, and how to run something in the cluster's network namespace.
CLUSTER_HOME="${CLUSTER_HOME:-$HOME/.cache/one-node-cluster}"
NETNS="${CLUSTER_NETNS:-one-node}"
BIN="$CLUSTER_HOME/bin"; STATE="$CLUSTER_HOME/state"; WORK="$CLUSTER_HOME/work"
K8S_VERSION="${K8S_VERSION:-v1.34.4}"
COREDNS_VERSION="${COREDNS_VERSION:-v1.12.4}"
BUILDKIT_VERSION="${BUILDKIT_VERSION:-v0.28.0}"
GO_VERSION="${GO_VERSION:-1.26.0}"
PATH="$BIN:$PATH"
export PATH STORAGE_DRIVER=vfs KUBECONFIG_ADMIN="$STATE/pki/admin.kubeconfig"
inns() { nsenter --net="/run/netns/$NETNS" "$@"; }
kube() { inns env KUBECONFIG="$KUBECONFIG_ADMIN" kubectl "$@"; }
on_runtime() { ctr -a "$STATE/containerd.sock" -n k8s.io "$@"; }
say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
die() { say "$*"; exit 1; }
# alive NAME: the process of NAME.pid runs, and is not another one that got the same number after a reboot.
alive() {
  local pid; pid="$(cat "$STATE/$1.pid" 2>/dev/null)" && [ -n "$pid" ] && grep -qaF -- "$STATE" "/proc/$pid/cmdline" 2>/dev/null
}
# wait_until SECONDS WHAT COMMAND...: tries COMMAND twice a second; dies with WHAT when the time is over.
wait_until() {
  local seconds="$1" what="$2"; shift 2
  for _ in $(seq $((seconds * 2))); do "$@" >/dev/null 2>&1 && return 0; sleep 0.5; done
  die "$what after $seconds s; logs are in $STATE/logs"
}
