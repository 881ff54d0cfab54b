/** Who runs the commands that the documentation shows, for the suites that run them and the one that finds gaps. */

/** Pages whose commands a suite reads and runs, but for those below. */
export const PAGES: Readonly<Record<string, string>> = {
  'docs/quickstart.md': 'test/cluster/quickstart.test.ts',
  'docs/quickstart-registry.md': 'test/cluster/quickstart.test.ts',
  'docs/install.md': 'test/cluster/deploy.test.ts',
  'docs/migrate.md': 'test/cluster/arc.test.ts'
}

/** Commands that are run as they stand, and where. */
export const RUN_BY: Readonly<Record<string, string>> = {
  '.ci/run': '.ci/run',
  'npm test': '.ci/run',
  'npm run check': '.ci/run',
  'npm run demo': '.ci/run',
  'npm run test:cluster': '.ci/run',
  'npm run build && node dist/slipway.js run examples/hello-action': '.ci/run',
  'git show main:docs/machines/machines.json > old.json': 'test/page/review.test.ts',
  'node dist/slipway.js diagram --compare old.json --markdown': 'test/page/review.test.ts',
  'node dist/slipway.js diagram --compare old.json --html changes.html': 'test/page/review.test.ts',
  'node dist/slipway.js --help': 'test/page/review.test.ts',
  'gzip --best --force --keep dist/slipway.js': 'test/cluster/gc.test.ts',
  'kubectl create configmap slipway-cli -n "$NAMESPACE" --from-file=dist/slipway.js.gz --from-file=dist/slipway.js.LICENSES.txt --dry-run=client -o yaml | kubectl apply --server-side -f -':
    'test/cluster/gc.test.ts',
  'kubectl apply -k "$DEPLOY/gc"': 'test/cluster/gc.test.ts',
  'kubectl create job gc-now -n "$NAMESPACE" --from=cronjob/slipway-gc': 'test/cluster/gc.test.ts',
  'npm ci': 'test/cluster/quickstart.test.ts',
  'npm ci && npm run build': 'test/cluster/quickstart.test.ts'
}

/** Commands that no suite can run as they stand, and what stands for them. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  'docker build --file deploy/runner-image/Dockerfile --tag "${RUNNER_IMAGE:-actions-runner-slipway:1}" dist':
    'needs the runner image from the Internet; test/cluster/deploy.test.ts builds it upon its own',
  'kubectl apply -k deploy/buildkit': 'test/cluster/buildkit.test.ts applies it with the images of the node',
  'kubectl apply -k deploy/buildkit-privileged': 'test/cluster/buildkit.test.ts renders it',
  'kubectl apply -k deploy/buildkit-in-pod':
    'test/cluster/buildkit-in-pod.test.ts applies it with the images of the node',
  'kubectl rollout status -n slipway-seccomp daemonset/profile': 'test/cluster/buildkit-in-pod.test.ts waits for it',
  'deploy/buildkit/certificates buildkit arc-runners': 'test/cluster/buildkit.test.ts runs it for its own namespaces',
  'kubectl get pods -l slipway/repository=OWNER.REPO -L slipway/workflow,slipway/run,slipway/job':
    'has placeholders; test/cluster/pod-security.test.ts looks at the labels',
  'kubectl get pods,secrets -l runner-pod=NAME':
    'has a placeholder; docs/migrate.md shows it for all runners, and that is run',
  'kubectl delete pods,secrets -l runner-pod=NAME': 'the same',
  'kubectl exec RUNNER_POD -c runner -- sh -c \'cat "$(ls /home/runner/_diag/slipway/*.jsonl | tail -n 1)"\' > last.jsonl':
    'has a placeholder; test/cluster/whole-job.test.ts reads the traces from the same place',
  'slipway replay last.jsonl': 'test/unit/cli/replay.test.ts shows traces',
  'slipway replay --check /home/runner/_diag/slipway/*.jsonl':
    'test/unit/cli/replay.test.ts checks traces; the cluster suite checks those of every runner pod in the same way',
  'node dist/slipway.js doctor --namespace arc-runners --runner-pod my-scale-set-x7k2p-runner-4bq9z':
    'has a name for example; test/cluster/doctor.test.ts runs it with its own',
  '/home/runner/externals/node20/bin/node slipway.js doctor':
    'is for a runner pod; test/cluster/doctor.test.ts runs it there',
  'SLIPWAY_SEED=1886619362:8 npx vitest run --project model test/model/random.test.ts':
    'the seed is an example; kept ones are played each time',
  'kubectl create secret docker-registry registry-push -n RUNNERS --docker-server=registry.example.com --docker-username=USER --docker-password=PASSWORD':
    'has placeholders; test/cluster/secured-registry.test.ts makes such a Secret',
  'kubectl create secret generic registry-authority -n RUNNERS --from-file=ca.crt':
    'has a placeholder; test/cluster/secured-registry.test.ts makes such a Secret',
  'SLIPWAY_TEST_KUBECONFIG=$HOME/.kube/config npm run test:cluster': 'needs a cluster of the reader'
}
