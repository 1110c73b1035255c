import type { ServiceInstance } from '@comm/discovery'
import { StaticRegistry } from '@comm/discovery/static'
import { registryContract } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { report } from './support/support-table.ts'

const services: Record<string, readonly ServiceInstance[]> = {}
const lists = new Set<StaticRegistry>()

registryContract(
  { describe, it, afterAll },
  {
    name: 'static',
    report,
    features: new StaticRegistry({ services: {} }).features,
    createRegistry() {
      const registry = new StaticRegistry({ services })
      lists.add(registry)
      return registry
    },
    put(service, instances) {
      services[service] = instances
      for (const list of lists) {
        try {
          list.replace(services)
        } catch {
          lists.delete(list)
        }
      }
    },
  },
)
