import type { Setup } from '@comm/bench/area'
import { ServiceDiscovery } from '@comm/discovery'
import { instanceOf, registryOf, SERVICE } from './services.ts'

/** Reads in one operation, so that the harness's own cost vanishes among them. */
const READS = 1000
const INSTANCES = 1000
const ZONE = 'eu-1a'

/** `resolver`, `resolve`: from the list that is followed, as a balancer and as somebody who asks once. `map`: what the least would cost. */
export const setup: Setup = async ({ parameters: { how } }) => {
  const discovery = new ServiceDiscovery({ registry: await registryOf(INSTANCES) })
  const resolver = await discovery.warm(SERVICE, how === 'filtered' ? { zone: ZONE } : {})
  const stop = resolver.watch(() => undefined)
  const map = new Map([[SERVICE, Array.from({ length: INSTANCES }, (_, at) => instanceOf(at))]])
  const expected = how === 'filtered' ? Math.ceil(INSTANCES / 3) : INSTANCES
  const length = (): number => (how === 'map' ? (map.get(SERVICE)?.length ?? 0) : resolver.instances.length)
  return {
    async op() {
      let seen = 0
      if (how === 'resolve') for (let read = READS; read > 0; read--) seen += (await discovery.resolve(SERVICE)).length
      else for (let read = READS; read > 0; read--) seen += length()
      if (seen !== READS * expected) throw new Error(`${seen} instances were read, ${READS * expected} expected`)
    },
    async close() {
      stop()
      await discovery.close()
    },
  }
}
