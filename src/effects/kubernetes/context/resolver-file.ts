/**
 * A resolver file for the container that pushes: a runtime gives one and the same to all containers of a pod, and the Dockerfile's
 * code may write it (docs/adr/0015). It is a copy that was made before that code ran, or what the kubelet gave the runner pod.
 */
import { readFile } from 'node:fs/promises'
import type { V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { PodTemplate } from '../template/read.ts'

const FILE = 'resolv.conf'
const PATH = `/etc/${FILE}`
const VOLUME = 'own-resolver'
const COPY_ROOT = '/own-resolver'
const ANNOTATION = 'slipway/resolv-conf'
/** More than a kubelet writes: 3 servers and 2,048 characters of search domains. */
const FILE_BYTES_MAX = 4_096

export interface OwnResolver {
  readonly volume: V1Volume
  /** For the container that pushes. */
  readonly mount: V1VolumeMount
  /** Of the pod. */
  readonly annotations?: Readonly<Record<string, string>>
  /** For a container that runs before anything of the Dockerfile does: a shell's words, and where they write. */
  readonly copying?: { readonly words: string; readonly mount: V1VolumeMount }
}

/** `hasFirst`: a container runs before the build anyhow. Another one would cost a second, so what is known is written down instead. */
export function ownResolver(resolverFile: string | undefined, hasFirst: boolean): OwnResolver {
  const mount = { name: VOLUME, mountPath: PATH, subPath: FILE, readOnly: true }
  if (hasFirst || resolverFile === undefined) {
    // Who pushes is another user, and without the privilege to read everything.
    const words = `umask 022 && cat ${PATH} > ${COPY_ROOT}/${FILE}`
    const copying = { words, mount: { name: VOLUME, mountPath: COPY_ROOT } }
    return { volume: { name: VOLUME, emptyDir: {} }, mount, copying }
  }
  const items = [{ path: FILE, fieldRef: { fieldPath: `metadata.annotations['${ANNOTATION}']` } }]
  return {
    volume: { name: VOLUME, downwardAPI: { items } },
    mount,
    annotations: { [ANNOTATION]: resolverFile }
  }
}

/** What decides what a kubelet writes there, beside the namespace. */
const DECIDING = ['hostNetwork', 'dnsPolicy', 'dnsConfig'] as const
const USUAL_POLICY = 'ClusterFirst'

/** The runner pod's file, where build pods get the same: neither asks for anything unusual. Undefined otherwise. */
export async function usualResolverFile(
  runnerPod: V1Pod,
  template: PodTemplate | undefined,
  path = PATH
): Promise<string | undefined> {
  const { hostNetwork, dnsPolicy, dnsConfig } = runnerPod.spec ?? {}
  const isUsual = !hostNetwork && dnsConfig === undefined && (dnsPolicy ?? USUAL_POLICY) === USUAL_POLICY
  if (!isUsual || DECIDING.some((key) => key in (template?.build.spec ?? {}))) return undefined
  const text = await readFile(path, 'utf8').catch(() => '')
  return /^nameserver\s/m.test(text) && text.length <= FILE_BYTES_MAX ? text : undefined
}
