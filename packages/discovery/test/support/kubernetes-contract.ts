import { KubernetesRegistry } from '@comm/discovery/kubernetes'
import { type RegistryUnderTest, registryContract } from '@comm/testkit'
import { putSlices, type SliceWriter } from '@comm/testkit/kubernetes-api'
import { afterAll, describe, it } from '@jest/globals'

/** An API server, small or real, as the contract is run on it. */
export interface ApiUnderTest extends Pick<RegistryUnderTest, 'name' | 'outage' | 'sever' | 'report'> {
  readonly writer: SliceWriter
  createRegistry(): KubernetesRegistry
}

/** The contract of registries over any Kubernetes API server: the same file for the small one and for the real one. */
export function kubernetesContract({ writer, ...api }: ApiUnderTest): void {
  registryContract(
    { describe, it, afterAll },
    {
      ...api,
      features: new KubernetesRegistry({ server: 'https://kubernetes' }).features,
      put: (service, instances) => putSlices(writer, service, instances),
    },
  )
}
