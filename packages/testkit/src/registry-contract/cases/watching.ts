import assert from 'node:assert/strict'
import type { RegistryTheme } from '../contract.ts'

export const watching: RegistryTheme = {
  name: 'watching',
  cases: [
    {
      id: 'first-list',
      title: 'a watch begins with the list as it is, an empty one for a service that nobody knows',
      async run(context) {
        const service = context.service()
        await context.put(service, [context.instance(service)])
        const registry = await context.registry()
        await context.follow(registry, service).sees('10.7.0.1:8001')
        await context.follow(registry, context.service()).sees()
      },
    },
    {
      id: 'changes',
      title: 'a watch shows who comes, who changes and who goes',
      async run(context) {
        const service = context.service()
        const follower = context.follow(await context.registry(), service)
        await follower.sees()
        await context.put(service, [context.instance(service, 1)])
        await follower.sees('10.7.0.1:8001')
        await context.put(service, [context.instance(service, 1), context.instance(service, 2)])
        await follower.sees('10.7.0.1:8001', '10.7.0.2:8002')
        await context.put(service, [context.instance(service, 1, { port: 9000 }), context.instance(service, 2)])
        await follower.sees('10.7.0.1:9000', '10.7.0.2:8002')
        await context.put(service, [context.instance(service, 2)])
        await follower.sees('10.7.0.2:8002')
        await context.put(service, [])
        await follower.sees()
      },
    },
    {
      id: 'several-watches',
      title: 'several watches, of one service and of others, show each its own',
      async run(context) {
        const [one, other] = [context.service(), context.service()]
        const registry = await context.registry()
        const followers = [context.follow(registry, one), context.follow(registry, one), context.follow(registry, other)]
        await context.put(one, [context.instance(one, 1)])
        await context.put(other, [context.instance(other, 2)])
        await followers[0]?.sees('10.7.0.1:8001')
        await followers[1]?.sees('10.7.0.1:8001')
        await followers[2]?.sees('10.7.0.2:8002')
      },
    },
    {
      id: 'again',
      title: 'a watch that runs again begins with a list, which has what changed meanwhile',
      async run(context) {
        const service = context.service()
        await context.put(service, [context.instance(service, 1), context.instance(service, 2)])
        const follower = context.follow(await context.registry(), service)
        await follower.sees('10.7.0.1:8001', '10.7.0.2:8002')
        await follower.stop()
        follower.start()
        await follower.sees('10.7.0.1:8001', '10.7.0.2:8002')
        await follower.stop()
        await context.put(service, [context.instance(service, 2), context.instance(service, 3)])
        follower.start()
        await follower.sees('10.7.0.2:8002', '10.7.0.3:8003')
        await context.put(service, [context.instance(service, 3)])
        await follower.sees('10.7.0.3:8003')
      },
    },
    {
      id: 'burst',
      title: 'many changes in a row end with the right list, and no list has an id twice',
      async run(context) {
        const service = context.service()
        const follower = context.follow(await context.registry(), service)
        await follower.sees()
        for (let round = 0; round < 15; round++) {
          await context.put(
            service,
            [round, round + 1].map((nth) => context.instance(service, nth + 1)),
          )
        }
        await follower.sees('10.7.0.15:8015', '10.7.0.16:8016')
        for (const list of follower.lists) assert.equal(new Set(list.map(({ id }) => id)).size, list.length)
      },
    },
  ],
}
