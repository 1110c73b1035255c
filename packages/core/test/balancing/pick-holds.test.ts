import { pipeline } from '@comm/core'
import { LoadBalancer, pick } from '@comm/core/balancing'
import { expect, it } from '@jest/globals'

it('an answer that is held keeps its instance busy until it is released, once', async () => {
  const balancer = new LoadBalancer({ instances: ['a:1'] })
  const releases: (() => void)[] = []
  const calls = pipeline([pick(balancer, { holds: (answer, release) => answer === 'stream' && releases.push(release) > 0 })])
  const inFlight = (): number | undefined => balancer.instances[0]?.inFlight
  await calls.run(async () => 'whole', undefined)
  expect(inFlight()).toBe(0)
  await calls.run(async () => 'stream', undefined)
  expect(inFlight()).toBe(1)
  for (const release of [...releases, ...releases]) release()
  expect(inFlight()).toBe(0)
  const failing = calls.run(() => Promise.reject(new Error('no')), undefined)
  await expect(failing).rejects.toThrow('no')
  expect(inFlight()).toBe(0)
  expect(() => pick(balancer, { holds: true as never })).toThrow('pick.holds must be a function, got true')
})
