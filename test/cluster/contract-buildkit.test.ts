/** The Kubernetes backend with BuildKit, held to what every builder promises. */
import { CLIENT_SECRET, startBuildkitDaemon } from './support/buildkit.ts'
import { IMAGES } from './support/images.ts'
import { describeKubernetesContract } from './support/kubernetes-contract.ts'

await describeKubernetesContract('copy', async (runnersNamespace) => {
  const { address, admit, remove } = await startBuildkitDaemon()
  await admit(runnersNamespace)
  const builderDaemon = { address, tlsSecret: CLIENT_SECRET }
  const options = {
    builder: 'buildkit',
    builderImage: IMAGES.buildkit,
    pusherImage: IMAGES.kaniko,
    builderDaemon
  } as const
  return { options, remove }
})
