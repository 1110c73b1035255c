import { ConfigurationError } from '@comm/core'
import { createGateway, type GatewayOptions } from '@comm/gateway'
import { describe, expect, it } from '@jest/globals'

/** Wrong on purpose: what a caller without types may pass. */
type Wrong = Readonly<Record<string, unknown>>

function messageOf(options: Wrong): string {
  try {
    createGateway(options as unknown as GatewayOptions)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

const right = { port: 0, services: { users: 'http://users:8000' } }
const withRoute = (route: Wrong): Wrong => ({ ...right, routes: [{ path: '/x', service: 'users', ...route }] })

describe('options of createGateway', () => {
  it.each<[string, Wrong, string]>([
    ['no port', { services: right.services }, 'gateway.port must be an integer >= 0 and <= 65535, got nothing'],
    ['no services', { port: 0 }, 'gateway.services must be an object, got nothing'],
    [
      'a delay that is longer than the stop',
      { ...right, stopBudgetMs: 5000, readinessDelayMs: 5000 },
      'gateway.readinessDelayMs must be less than stopBudgetMs (5000), got 5000',
    ],
    ['an unknown option', { ...right, prots: 1 }, 'gateway.prots is an unknown option'],
    ['services that are empty', { port: 0, services: {} }, 'services must be at least one service'],
    [
      'a URL with a password',
      { port: 0, services: { a: 'http://u:p@a' } },
      "services.a must be a URL such as 'http://users:8000'",
    ],
    [
      'two places',
      { port: 0, services: { a: { url: 'http://a', instances: ['a:1'] } } },
      'services.a must be an object with either url or instances, got both',
    ],
    ['no instances', { port: 0, services: { a: { instances: [] } } }, 'services.a.instances must be at least one instance'],
    [
      'a wrong policy',
      { port: 0, services: { a: { url: 'http://a', breaker: { failureRatio: 2 } } } },
      'services.a.breaker.failureRatio must be a finite number',
    ],
    [
      'a wrong bulkhead',
      { port: 0, services: { a: { url: 'http://a', bulkhead: { limit: 0 } } } },
      'services.a.bulkhead.limit must be',
    ],
    [
      'a wrong balancing',
      { port: 0, services: { a: { url: 'http://a', balancing: 'best' } } },
      "services.a.balancing must be one of 'roundRobin'",
    ],
    [
      'a proxy that is none',
      { ...right, trustedProxies: ['10.0.0.0/33'] },
      'gateway.trustedProxies must be an array of addresses and networks',
    ],
    ['a name that makes no path', { port: 0, services: { 'a b': 'http://a' } }, 'services.a b.path must be given'],
    ['a path that is none', withRoute({ path: 'x' }), "routes[0].path must be a path such as '/orders'"],
    ['a wildcard in the middle', withRoute({ path: '/a/*/b' }), 'routes[0].path must be a path'],
    ['a service that is not there', withRoute({ service: 'nobody' }), "routes[0].service must be one of users, got 'nobody'"],
    [
      'a parameter that is not there',
      withRoute({ rewrite: '/:id' }),
      'routes[0].rewrite must be a path with parameters of /x only',
    ],
    [
      'no target',
      withRoute({ service: undefined }),
      'routes[0] must be an object with one of service, to, aggregate, grpc and openapi',
    ],
    [
      'weights of nothing',
      withRoute({ service: undefined, to: [{ service: 'users', weight: 0 }] }),
      'routes[0].to must be targets of which one has a weight above 0',
    ],
    [
      'any origin with credentials',
      withRoute({ cors: { origins: ['*'], credentials: true } }),
      "routes[0].cors.credentials must be false where the origin is '*'",
    ],
    ['no limit', withRoute({ rateLimit: {} }), 'routes[0].rateLimit.perSecond must be a finite number > 0, got nothing'],
    ['a schema that is none', withRoute({ validate: { body: { type: 'nonsense' } } }), 'routes[0].validate must be JSON Schemas'],
    [
      'a header with a line break',
      withRoute({ transform: { request: { setHeaders: { a: 'b\r\nc: d' } } } }),
      'routes[0].transform.request.setHeaders must be an object whose values are strings without line breaks',
    ],
    ['a wrong cache', withRoute({ cache: { maxEntries: 0 } }), 'routes[0].cache.maxEntries must be'],
  ])('%s', (_, options, message) => {
    expect(messageOf(options)).toContain(message)
  })

  it('every problem is told at once', () => {
    const message = messageOf({ port: -1, services: { a: 'x' }, routes: [{ path: 'y', service: 'z' }] })
    for (const key of ['gateway.port', 'services.a', 'routes[0].path']) expect(message).toContain(key)
  })
})
