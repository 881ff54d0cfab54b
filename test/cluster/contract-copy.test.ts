/** The Kubernetes backend held to the same contract as the local one, storage mode copy. */
import { describeKubernetesContract } from './support/kubernetes-contract.ts'

await describeKubernetesContract('copy')
