/** The Kubernetes backend held to the same contract as the local one, storage mode volume. */
import { describeKubernetesContract } from './support/kubernetes-contract.ts'

await describeKubernetesContract('volume')
