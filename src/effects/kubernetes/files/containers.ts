/** The containers that files are moved through, for the copying transfer: root where any user may own the files, and privileged nowhere. */
import type { V1Container, V1VolumeMount } from '@kubernetes/client-node'
import type { Site } from '../context/site.ts'
import { WORK_VOLUME } from '../context/storage.ts'
import { FILES_CONTAINER } from '../names.ts'
import { hardened, helperContainer, type PodFiles } from '../specs/parts.ts'

/** Where the whole work volume is mounted in the containers that move files. */
export const WORK_ROOT = '/work'
/** Exists in the work volume when everything has been copied in. Hidden from the action, which sees sub-paths only. */
export const COPIED_MARKER = `${WORK_ROOT}/.delivered`

/** No stage copies files into a pod for longer, so that a pod whose hook is gone waits no longer. */
export const COPY_SECONDS_MAX = 600

const wholeWork: V1VolumeMount = { name: WORK_VOLUME, mountPath: WORK_ROOT }

/** Ends when the files are there. Who waits has nothing to do with them, and is the runner's own user. */
export const ARRIVAL: NonNullable<PodFiles['arrival']> = {
  words: `until [ -e ${COPIED_MARKER} ]; do sleep 0.05; done`,
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
  lifecycle: { postStart: { exec: { command: ['timeout', String(COPY_SECONDS_MAX), 'sh', '-c', ARRIVAL.words] } } }
})
