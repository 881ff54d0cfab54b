/** The containers that files are moved through, for the copying transfer: root where any user may own the files, and privileged nowhere. */
import type { V1Container, V1Lifecycle, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { Site } from '../context/site.ts'
import { isCopied, WORK_VOLUME } from '../context/storage.ts'
import { FILES_CONTAINER } from '../names.ts'
import { type ContextPart, hardened, helperContainer, type PodFiles } from '../specs/parts.ts'

/** Where the whole work volume is mounted in the containers that move files. */
export const WORK_ROOT = '/work'
/** Exists in a volume when everything has been copied in. Hidden from the action, which sees sub-paths only. */
export const copiedMarker = (root: string): string => `${root}/.delivered`
export const COPIED_MARKER = copiedMarker(WORK_ROOT)
/** Where the volume of a build context is mounted, in a pod that has one of its own for it. */
export const CONTEXT_ROOT = '/context'

/** First words of a script that moves files: names are bytes to it, whatever the image's language is. */
export const BYTEWISE = 'export LC_ALL=C'

/** No stage copies files into a pod for longer, so that a pod whose hook is gone waits no longer. */
export const COPY_SECONDS_MAX = 600

const wholeWork: V1VolumeMount = { name: WORK_VOLUME, mountPath: WORK_ROOT }

const arrivalIn = (root: string) => `until [ -e ${copiedMarker(root)} ]; do sleep 0.05; done`

/** Ends when the files are there. Who waits has nothing to do with them, and is the runner's own user. */
export const ARRIVAL: NonNullable<PodFiles['arrival']> = {
  words: arrivalIn(WORK_ROOT),
  mount: wholeWork
}

/** Idles while files are moved through it. */
export const filesContainer = (site: Site): V1Container =>
  helperContainer(site, {
    name: FILES_CONTAINER,
    command: ['sleep', 'infinity'],
    securityContext: { ...hardened(['CHOWN', 'FOWNER', 'DAC_OVERRIDE']), runAsUser: 0, runAsNonRoot: false },
    volumeMounts: [wholeWork]
  })

/**
 * The first container of a pod whose others need the files. The kubelet starts containers in their order, and starts none
 * while a postStart hook runs: quicker by a second than an init container, whose end it has to notice first.
 */
export const filesFirst = (site: Site): V1Container => ({
  ...filesContainer(site),
  lifecycle: waitingFor(WORK_ROOT)
})

const waitingFor = (root: string): V1Lifecycle => ({
  postStart: { exec: { command: ['timeout', String(COPY_SECONDS_MAX), 'sh', '-c', arrivalIn(root)] } }
})

const CONTEXT_VOLUME: V1Volume = { name: 'context', emptyDir: {} }
/** Directory of such a volume, or of a build pod's, which is the context, beside the marker that says that it is complete. */
export const CONTEXT_NAME = 'context'

/** Beside it, on no disk: what opens the registries of images in FROM, as long as a build in place lasts. */
export const LOGIN_NAME = 'login'
const LOGIN_VOLUME: V1Volume = { name: LOGIN_NAME, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }

/**
 * For a pod that builds in place: the others need the context. It has a volume of its own, so that the action's files can be copied
 * into theirs once nothing of the build runs any more; on a volume that the runner shares, theirs are there.
 */
export const contextFirst = (site: Site): ContextPart => {
  const own = isCopied(site.storage) ? [wholeWork] : []
  const hasLogin = site.baseImageSecret !== undefined
  const login = hasLogin ? [{ name: LOGIN_NAME, mountPath: `${CONTEXT_ROOT}/${LOGIN_NAME}` }] : []
  const files = filesContainer(site)
  return {
    volume: CONTEXT_VOLUME,
    container: {
      ...files,
      volumeMounts: [...own, { name: CONTEXT_VOLUME.name, mountPath: CONTEXT_ROOT }, ...login],
      lifecycle: waitingFor(CONTEXT_ROOT)
    },
    mountAt: (mountPath) => ({ name: CONTEXT_VOLUME.name, mountPath, subPath: CONTEXT_NAME, readOnly: true }),
    login: hasLogin
      ? { volume: LOGIN_VOLUME, mountAt: (mountPath) => ({ name: LOGIN_NAME, mountPath, readOnly: true }) }
      : undefined
  }
}
