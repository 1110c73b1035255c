import { byCursor, byLink, byPageNumber, HttpClient, type PaginateOptions } from '@comm/http'
import { describe, expect, it } from '@jest/globals'
import { bodyOf, failureOf, type LocalServer, localServer } from '../support/local-server.ts'

interface Pages extends LocalServer {
  readonly asked: string[]
}

/** Orders 1 to `last`, two a page. */
async function orders(
  last: number,
  link: (next: number, host: string) => string = (next) => `</orders?page=${next}>; rel="next"`,
): Promise<Pages> {
  const asked: string[] = []
  const server = await localServer((request, response) => {
    void bodyOf(request).then((body) => {
      asked.push(`${request.method} ${request.url} ${body}`.trim())
      const url = new URL(request.url ?? '', 'http://x')
      const posted = body === '' ? {} : (JSON.parse(body) as { after?: number })
      const page = Number(url.searchParams.get('page') ?? posted.after ?? url.searchParams.get('cursor') ?? 1)
      const ids = [2 * page - 1, 2 * page].filter((id) => id <= last)
      const isLast = 2 * page >= last
      response.setHeader('content-type', 'application/json')
      if (!isLast) response.setHeader('link', link(page + 1, request.headers.host ?? ''))
      const wrapped = { items: ids, next: isLast ? null : page + 1 }
      response.end(JSON.stringify(url.pathname === '/orders' ? ids : wrapped))
    })
  })
  return Object.assign(server, { asked })
}

async function all<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

interface Wrapped {
  readonly items: readonly number[]
  readonly next: number | null
}

describe('pages', () => {
  it.each<[string, (next: number, host: string) => string]>([
    ['a path', (next) => `</orders?page=${next}>; rel="next"`],
    ['a query', (next) => `<?page=${next}>; rel=next`],
    ['a whole URL', (next, host) => `<http://${host}/orders?page=${next}>; rel="next"`],
    [
      'several links, relations in one and an anchor',
      (next) =>
        `</orders?page=1>; rel="first", </x>; rel=next; anchor="/y", </orders?page=${next}>; title="a, b; c"; rel="last Next"`,
    ],
  ])('are found by a Link header with %s', async (_what, link) => {
    await using server = await orders(5, link)
    await using client = new HttpClient({ baseUrl: server.url })
    expect(await all(client.paginate('/orders', { query: { page: 1, size: 2 } }))).toEqual([1, 2, 3, 4, 5])
    expect(server.asked).toEqual(['GET /orders?page=1&size=2', 'GET /orders?page=2', 'GET /orders?page=3'])
  })

  it('are found by a cursor', async () => {
    await using server = await orders(5)
    await using client = new HttpClient({ baseUrl: server.url })
    const next = byCursor({ cursor: ({ response }) => response.json<Wrapped>().next })
    const items = client.paginate('/wrapped', { query: { size: 2 }, next, items: (page) => page.json<Wrapped>().items })
    expect(await all(items)).toEqual([1, 2, 3, 4, 5])
    expect(server.asked).toEqual(['GET /wrapped?size=2', 'GET /wrapped?size=2&cursor=2', 'GET /wrapped?size=2&cursor=3'])
  })

  it.each([
    [{ size: 2 }, 3],
    [{}, 4],
  ])('are counted with %j', async (options, requests) => {
    await using server = await orders(5)
    await using client = new HttpClient({ baseUrl: server.url })
    expect(await all(client.paginate('/orders', { next: byPageNumber(options) }))).toEqual([1, 2, 3, 4, 5])
    expect(server.asked).toHaveLength(requests)
  })

  it('are asked for by a body', async () => {
    await using server = await orders(3)
    await using client = new HttpClient({ baseUrl: server.url })
    const items = client.paginate<number>('/wrapped', {
      method: 'POST',
      json: { after: 1 },
      items: (page) => page.json<Wrapped>().items,
      next: ({ response }) => {
        const { next } = response.json<Wrapped>()
        return next === null ? undefined : { json: { after: next } }
      },
    })
    expect(await all(items)).toEqual([1, 2, 3])
    expect(server.asked).toEqual(['POST /wrapped {"after":1}', 'POST /wrapped {"after":2}'])
  })

  it('are asked for when their items are', async () => {
    await using server = await orders(100)
    await using client = new HttpClient({ baseUrl: server.url })
    expect(await all(client.paginate('/orders', { maxItems: 4 }))).toEqual([1, 2, 3, 4])
    expect(server.asked).toHaveLength(2)
    for await (const item of client.paginate('/orders')) if (item === 3) break
    expect(server.asked).toHaveLength(4)
  })

  it('keep the headers of the first', async () => {
    const seen: unknown[] = []
    await using server = await localServer((request, response) => {
      seen.push(request.headers['authorization'])
      response.writeHead(200, seen.length === 1 ? { link: '</b>; rel=next' } : {}).end('[1]')
    })
    await using client = new HttpClient()
    expect(await all(client.paginate(`${server.url}/a`, { headers: { authorization: 'Bearer t' } }))).toEqual([1, 1])
    expect(seen).toEqual(['Bearer t', 'Bearer t'])
  })

  it('of a service are asked of any instance, though each calls itself by its own address', async () => {
    const link = (next: number, host: string): string => `<http://${host}/orders?page=${next}>; rel="next"`
    await using one = await orders(9, link)
    await using two = await orders(9, link)
    const endpoints = [one, two].map(({ url }) => url.replace('http://', ''))
    await using client = new HttpClient({ service: 'orders', endpoints })
    expect(await all(client.paginate('/orders'))).toHaveLength(9)
    await using any = new HttpClient({
      endpoints: (service) => {
        expect(service).toBe('Orders')
        return client.balancers.get('orders')?.source as never
      },
    })
    expect(await all(any.paginate('service://Orders/orders'))).toHaveLength(9)
  })
})

describe('pages end with an error', () => {
  const cases: readonly [string, Record<string, string>, string, PaginateOptions<unknown>, string, string][] = [
    [
      'at another origin',
      { link: '<https://evil.test/?token=s3cret>; rel=next' },
      '[1]',
      {},
      'COMM_UNDECODABLE',
      'is at https://evil.test: only pages of the same origin are read',
    ],
    [
      'that name themselves',
      { link: '<?token=s3cret>; rel=next' },
      '[1]',
      {},
      'COMM_UNDECODABLE',
      '/?token=[redacted] is that page itself',
    ],
    [
      'whose link cannot be read',
      { link: 'next' },
      '[1]',
      {},
      'COMM_UNDECODABLE',
      'was answered with a Link header that cannot be read',
    ],
    ['that are no array', {}, '{"items":[]}', {}, 'COMM_UNDECODABLE', 'whose JSON is no array: say by `items` where they are'],
    ['that are no JSON', {}, '<html>', {}, 'COMM_UNDECODABLE', 'with a body that is not JSON'],
    [
      'without the items',
      {},
      '{}',
      { items: (page) => (page.json() as { items: [] }).items },
      'COMM_UNDECODABLE',
      'in which items() found undefined in place of an array',
    ],
    ['without end', {}, '[1]', { next: byPageNumber(), maxPages: 3 }, 'COMM_TOO_LARGE', 'there are more than 3 pages (maxPages)'],
    [
      'with a next one that is none',
      {},
      '[1]',
      { next: () => 7 as never },
      'COMM_CONFIGURATION',
      'paginate.next() must be a URL, an object or undefined, got 7',
    ],
  ]
  it.each(cases)('%s', async (_what, headers, body, options, code, message) => {
    await using server = await localServer((_request, response) => response.writeHead(200, headers).end(body))
    await using client = new HttpClient({ baseUrl: server.url })
    const error = await failureOf(all(client.paginate('/?token=s3cret', options)))
    expect(error).toMatchObject({ code })
    expect(String(error)).toContain(message)
    expect(String(error)).not.toContain('s3cret')
  })

  it('when one of them is not answered', async () => {
    let pages = 0
    await using server = await localServer((_request, response) => {
      response.writeHead(++pages < 3 ? 200 : 500, { link: `<?page=${pages}>; rel=next` }).end('[1]')
    })
    await using client = new HttpClient({ baseUrl: server.url })
    const items = client.paginate('/')
    await items.next()
    await items.next()
    expect(await failureOf(items.next())).toMatchObject({ status: 500 })
  })

  it.each<[() => unknown, string]>([
    [() => new HttpClient().paginate('/', { maxPages: 0 }), 'paginate.maxPages must be an integer >= 1 or Infinity, got 0'],
    [() => new HttpClient().paginate('/', { next: 'link' as never }), "paginate.next must be a function, got 'link'"],
    [() => byCursor({} as never), 'byCursor.cursor must be a function, got nothing'],
    [() => byPageNumber({ first: -1 }), 'byPageNumber.first must be an integer >= 0, got -1'],
  ])('for wrong options: %s', (make, message) => {
    expect(make).toThrow(message)
  })
})

it('byLink() is the default, and can be wrapped', async () => {
  await using server = await orders(5)
  await using client = new HttpClient({ baseUrl: server.url })
  const once: PaginateOptions<unknown>['next'] = (page) => (page.number < 2 ? byLink()(page) : undefined)
  expect(await all(client.paginate('/orders', { next: once }))).toEqual([1, 2, 3, 4])
})
