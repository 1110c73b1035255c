import { ConfigurationError } from '@comm/core'
import { EnhancedHttpClient, HttpClient, type HttpClientOptions } from '@comm/http'
import { describe, expect, it } from '@jest/globals'
import { failureOf } from '../support/local-server.ts'

const endpoints = ['127.0.0.1:9']

describe('options of a client over several instances', () => {
  it.each<[Readonly<Record<string, unknown>>, string]>([
    [{ service: 'orders' }, 'HttpClient.service must be given with endpoints or baseUrls, got no endpoints'],
    [{ balancer: {} }, 'HttpClient.balancer must be given with endpoints or baseUrls, got no endpoints'],
    [{ baseUrl: 'service://orders' }, 'HttpClient.endpoints must be given for a baseUrl of service://, got nothing'],
    [{ endpoints }, 'HttpClient.service must be given with endpoints, or in baseUrl, got nothing'],
    [
      { endpoints, service: 'a/b' },
      "HttpClient.service must be the name of a service: letters, digits, dots, hyphens and underscores, got 'a/b'",
    ],
    [
      { endpoints, service: '17' },
      "HttpClient.service must be the name of a service: letters, digits, dots, hyphens and underscores, got '17'",
    ],
    [
      { endpoints: 7, service: 'a' },
      'HttpClient.endpoints must be an array of instances or an EndpointSource (with ready(), watch()) or a function from the name of a service to its EndpointSource, got 7',
    ],
    [
      { endpoints: ['no port'], service: 'a' },
      "an instance must be 'host:port' or { id, host, port, weight above 0, zone, version, metadata }, got 'no port'",
    ],
    [
      { endpoints, baseUrl: 'service://u:s3cret@orders' },
      "HttpClient.baseUrl must be service://NAME/path, without port and credentials, its name of letters, digits, dots, hyphens and underscores, got 'service://orders'",
    ],
    [
      { endpoints, baseUrl: 'service://orders:80/' },
      "HttpClient.baseUrl must be service://NAME/path, without port and credentials, its name of letters, digits, dots, hyphens and underscores, got 'service://orders:80/'",
    ],
    [{ endpoints, baseUrl: 'service://orders/?a=1' }, 'HttpClient.baseUrl must be without query and fragment, got one with them'],
    [
      { endpoints, baseUrl: 'http://u:s3cret@x/' },
      "HttpClient.baseUrl must be an absolute http: or https: URL without credentials, query and fragment, got 'http://x/'",
    ],
    [{ endpoints, service: 'a', balancer: { slowStartMs: -1 } }, 'loadBalancer.slowStartMs must be a finite number >= 0, got -1'],
    [
      { endpoints, service: 'a', balancer: { healthCheck: { path: 'health' } } },
      "HttpClient.balancer.healthCheck must be given one of a path such as '/health' and probe(), got something else",
    ],
    [
      { endpoints, service: 'a', balancer: { healthCheck: { path: '/', intervalMs: 0 } } },
      'loadBalancer.healthCheck.intervalMs must be a finite number > 0, got 0',
    ],
    [
      { endpoints: () => undefined, balancer: { strategy: 7 } },
      'loadBalancer.strategy must be a strategy such as roundRobin() (with create()), got 7',
    ],
    [{ endpoints, service: 'a', balancer: { key: 7 } }, 'HttpClient.balancer.key must be a function, got 7'],
    [{ baseUrls: [] }, 'HttpClient.baseUrls must be an array of at least one base URL, got an array of 0'],
    [
      { baseUrls: ['http://a', 'http://b'], baseUrl: 'http://c' },
      'HttpClient.baseUrls must be given without baseUrl and endpoints, got both',
    ],
    [
      { baseUrls: ['http://a/v1', 'http://b/v2'] },
      'HttpClient.baseUrls[1] must be like http://a/v1 but for host and port, got http://b/v2',
    ],
    [
      { baseUrls: ['http://a', 'https://b'] },
      'HttpClient.baseUrls[1] must be like http://a/ but for host and port, got https://b/',
    ],
    [
      { baseUrls: ['http://a', 'http://u:s3cret@b'] },
      "HttpClient.baseUrls[1] must be an absolute http: or https: URL without credentials, query and fragment, got 'http://b/'",
    ],
  ])('%j: %s', (options, message) => {
    const make = (): unknown => new HttpClient(options as HttpClientOptions)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(message)
    expect(make).not.toThrow(/s3cret/)
  })

  it('isolate is one of two', () => {
    const options = { endpoints, service: 'a', isolate: 'zone' } as unknown as HttpClientOptions
    expect(() => new EnhancedHttpClient(options)).toThrow(
      "EnhancedHttpClient.isolate must be one of 'instance', 'client', got 'zone'",
    )
  })
})

describe('a request to a service', () => {
  const orders = new HttpClient({ service: 'orders', endpoints })

  it.each([
    ['service://users/1', 'the URL of a request must be of the service of the client, orders, got users'],
    ['http://users/1', "the URL of a request must be of the origin of baseUrl, http://orders, got 'http://users/1'"],
    ['service://u:s3cret@orders/1', 'the URL of a request must be service://NAME/path, without port and credentials'],
  ])('%s is refused', async (target, message) => {
    const error = await failureOf(orders.get(target))
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(String(error)).toContain(message)
    expect(String(error)).not.toContain('s3cret')
  })

  it('is refused by a client without endpoints', async () => {
    expect(String(await failureOf(new HttpClient().get('service://orders/1')))).toContain(
      'the URL of a request must be an http: or https: URL, because the client has no endpoints',
    )
  })
})
