import type { Setup } from '@comm/bench/area'
import { ServiceDiscovery } from '@comm/discovery'
import { registrationOf, registryOf, SERVICE, SIGNAL } from './services.ts'

/** One instance of many says something new of itself: the registry is told, and whoever watches the list has been told. */
export const setup: Setup = async ({ parameters }) => {
  const { count } = parameters as { count: number }
  const registry = await registryOf(count)
  const discovery = new ServiceDiscovery({ registry, coalesceMs: 0 })
  const resolver = await discovery.warm(SERVICE)
  let told = 0
  const stop = resolver.watch(() => void told++)
  let changes = 0
  return {
    async op() {
      const before = told
      const version = `2.0.${++changes}`
      await registry.register(registrationOf(changes % count, version), SIGNAL)
      if (told !== before + 1) throw new Error(`a change was told ${told - before} times`)
    },
    async verify() {
      if (!resolver.instances.some(({ version }) => version === `2.0.${changes}`)) {
        await registry.register(registrationOf(0, '9.9.9'), SIGNAL)
        if (!resolver.instances.some(({ version }) => version === '9.9.9'))
          throw new Error('the list does not follow the registry')
      }
    },
    async close() {
      stop()
      await discovery.close()
    },
  }
}
