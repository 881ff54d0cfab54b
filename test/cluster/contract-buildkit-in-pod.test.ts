/** The Kubernetes backend with BuildKit inside of the build pod, held to what every builder promises. */
import { deployProfile, IN_POD } from './support/buildkit-in-pod.ts'
import { describeKubernetesContract } from './support/kubernetes-contract.ts'

await describeKubernetesContract('copy', async () => {
  const { remove } = await deployProfile()
  return { options: IN_POD, remove }
})
