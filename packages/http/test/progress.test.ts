import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { EnhancedHttpClient, gotTransport, HttpClient, type TransferProgress } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { describe, expect, it, jest } from '@jest/globals'
import { SOON } from './balancing/support.ts'
import { bodyOf, type Echoed, echo, failureOf, localServer } from './support/local-server.ts'

const KILOBYTES = 300

function recorded(): { readonly seen: TransferProgress[]; readonly record: (progress: TransferProgress) => void } {
  const seen: TransferProgress[] = []
  return { seen, record: (progress) => seen.push(progress) }
}

function expectToGrow(seen: readonly TransferProgress[], bytes: number, totalBytes: number | undefined): void {
  expect(seen.length).toBeGreaterThan(2)
  expect(seen[0]).toEqual({ bytes: 0, totalBytes })
  expect(seen.at(-1)).toEqual({ bytes, totalBytes })
  for (const [index, { bytes: now }] of seen.entries()) expect(now).toBeGreaterThanOrEqual(seen[index - 1]?.bytes ?? 0)
}

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (let count = 0; count < KILOBYTES; count++) yield Buffer.alloc(1024, 'x')
}

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('progress over %s', (_library, make) => {
  it('of an upload of bytes, whose length is known', async () => {
    await using server = await localServer(echo)
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    const { seen, record } = recorded()
    const body = Buffer.alloc(KILOBYTES * 1024, 'x')
    const answer = (await client.post('/', { body, onUploadProgress: record })).json<Echoed>()
    expect(answer.body).toHaveLength(body.byteLength)
    expect(answer.headers['content-length']).toBe(String(body.byteLength))
    expectToGrow(seen, body.byteLength, body.byteLength)
  })

  it.each<[string, () => Readable | AsyncIterable<Uint8Array>]>([
    ['a stream', () => Readable.from(chunks(), { objectMode: false })],
    ['an iterable', chunks],
  ])('of an upload of %s, with a length and without', async (_kind, body) => {
    await using server = await localServer(echo)
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    for (const bodyBytes of [undefined, KILOBYTES * 1024]) {
      const { seen, record } = recorded()
      const sized = bodyBytes === undefined ? {} : { bodyBytes }
      const answer = (await client.put('/', { body: body(), ...sized, onUploadProgress: record })).json<Echoed>()
      expect(answer.body).toHaveLength(KILOBYTES * 1024)
      expect(answer.headers['content-length']).toBe(bodyBytes === undefined ? undefined : String(bodyBytes))
      expectToGrow(seen, KILOBYTES * 1024, bodyBytes)
    }
  })

  it('of a download, as it comes, with a length and without, compressed or not', async () => {
    const plain = Buffer.from(Array.from({ length: KILOBYTES * 1024 }, (_, index) => (index * index) % 251))
    const sent = gzipSync(plain)
    await using server = await localServer((request, response) => {
      const isSized = request.url === '/sized'
      const headers = { 'content-encoding': 'gzip', ...(isSized ? { 'content-length': sent.byteLength } : {}) }
      response.writeHead(200, headers).end(sent)
    })
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    for (const [path, total] of [
      ['/sized', sent.byteLength],
      ['/chunked', undefined],
    ] as const) {
      const { seen, record } = recorded()
      expect(Buffer.from((await client.get(path, { onDownloadProgress: record })).bytes()).equals(plain)).toBe(true)
      expect(seen[0]).toEqual({ bytes: 0, totalBytes: total })
      expect(seen.at(-1)).toEqual({ bytes: sent.byteLength, totalBytes: total })
    }
    const { seen, record } = recorded()
    const stream = await client.stream('GET', '/sized', { onDownloadProgress: record })
    for await (const _chunk of stream.body);
    expect(seen.at(-1)).toEqual({ bytes: sent.byteLength, totalBytes: sent.byteLength })
  })

  it('begins anew with an attempt, and a listener that throws changes nothing', async () => {
    let calls = 0
    await using server = await localServer((request, response) => {
      void bodyOf(request).then(() => response.writeHead(++calls === 1 ? 503 : 200).end('x'))
    })
    await using transport = make()
    await using client = new EnhancedHttpClient({ baseUrl: server.url, transport, retry: SOON })
    const { seen, record } = recorded()
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const answer = await client.put('/', {
      body: Buffer.from('body'),
      onUploadProgress: record,
      onDownloadProgress: () => {
        throw new Error('listener')
      },
    })
    expect(answer.attempts).toBe(2)
    expect(warnings).toHaveBeenCalledWith(expect.stringContaining('onDownloadProgress threw: Error: listener'))
    warnings.mockRestore()
    expect(seen.filter(({ bytes }) => bytes === 0)).toHaveLength(2)
  })

  it.each([
    ['more', 10],
    ['fewer', 1 << 20],
  ])('of a stream with %s bytes than was said is an error', async (_what, bodyBytes) => {
    await using server = await localServer(echo)
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    const error = await failureOf(client.post('/', { body: () => chunks(), bodyBytes }))
    expect(String(error)).toContain(`the body of a request was to have ${bodyBytes} bytes (bodyBytes), and has`)
  })
})
