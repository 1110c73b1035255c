import { describe, expect, it } from '@jest/globals'
import {
  consistentHash,
  LoadBalancer,
  type LoadBalancerOptions,
  leastResponseTime,
  pick,
  staticEndpoints,
} from '../../src/balancing/index.ts'

const build = (options: object) => () => new LoadBalancer({ instances: ['a:1'], ...options } as LoadBalancerOptions)

describe('what a balancer refuses', () => {
  it.each<[string, () => unknown, string]>([
    ['no instances', build({ instances: undefined }), 'loadBalancer.instances must be'],
    [
      'an instance without port',
      build({ instances: [{ id: 'a', host: 'a' }] }),
      "an instance must be 'host:port' or { id, host, port",
    ],
    ['a text that is no host', build({ instances: ['a b'] }), "an instance must be 'host:port'"],
    ['a weight of 0', build({ instances: [{ id: 'a', host: 'a', port: 1, weight: 0 }] }), 'an instance must be'],
    ['the same id twice', build({ instances: ['a:1', 'a:1'] }), 'instances must be instances with an id of their own each'],
    ['a strategy by name', build({ strategy: 'roundRobin' }), 'loadBalancer.strategy must be a strategy such as roundRobin()'],
    [
      'a ratio beyond 1',
      build({ panicThreshold: 2 }),
      'loadBalancer.panicThreshold must be a finite number >= 0 and <= 1, got 2',
    ],
    ['a slow start in the past', build({ slowStartMs: -1 }), 'loadBalancer.slowStartMs must be a finite number >= 0, got -1'],
    ['an unknown option', build({ strategi: 1 }), 'loadBalancer.strategi is an unknown option'],
    [
      'outlier detection of true',
      build({ outlierDetection: true }),
      'loadBalancer.outlierDetection must be one of false or an object',
    ],
    [
      'no failures at all',
      build({ outlierDetection: { consecutiveFailures: 0 } }),
      'loadBalancer.outlierDetection.consecutiveFailures must be an integer >= 1 or Infinity, got 0',
    ],
    ['a check without a probe', build({ healthCheck: {} }), 'loadBalancer.healthCheck.probe must be a function, got nothing'],
    ['no places', () => consistentHash({ places: 0 }), 'consistentHash.places must be an integer >= 1, got 0'],
    ['a load below the share', () => consistentHash({ loadFactor: 0.5 }), 'consistentHash.loadFactor must be'],
    ['no decay', () => leastResponseTime({ decayMs: 0 }), 'leastResponseTime.decayMs must be a finite number > 0, got 0'],
    ['pick without a balancer', () => pick({} as LoadBalancer), 'pick balancer must be a LoadBalancer'],
    ['a list that is none', () => staticEndpoints('a:1' as never), "instances must be an array, got 'a:1'"],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(expect.objectContaining({ code: 'COMM_CONFIGURATION', message: expect.stringContaining(message) }))
  })

  it('keeps its list when it is to be replaced by a wrong one', () => {
    const source = staticEndpoints(['a:1'])
    expect(() => source.replace(['?'])).toThrow()
    expect(source.instances.map(({ id }) => id)).toEqual(['a:1'])
  })
})
