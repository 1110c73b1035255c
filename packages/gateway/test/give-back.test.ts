import { createHash, randomBytes } from 'node:crypto'
import { type ClientRequest, createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { waitFor } from '@comm/testkit'
import { createTlsFiles } from '@comm/testkit/servers'
import { afterEach, describe, expect, it } from '@jest/globals'
import { giveBack, ownsMemory } from '../src/message/give-back.ts'
import { gatewayFor } from './support/services.ts'

describe('the memory of a chunk', () => {
  const { poolSize } = Buffer
  afterEach(() => {
    Buffer.poolSize = poolSize
  })

  it('is its own when it was read by itself, or ends what was read', () => {
    const read = Buffer.allocUnsafeSlow(64 * 1024)
    expect([ownsMemory(read), ownsMemory(read.subarray(200))]).toEqual([true, true])
  })

  it('is not when it is small, followed by something, or from a pool, however large that is', () => {
    const read = Buffer.allocUnsafeSlow(64 * 1024)
    expect([ownsMemory(read.subarray(0, 60_000)), ownsMemory(Buffer.allocUnsafeSlow(1000))]).toEqual([false, false])
    Buffer.poolSize = 1024 * 1024
    Buffer.allocUnsafeSlow(1)
    expect(ownsMemory(read)).toBe(false)
  })

  it('is free at once', () => {
    const read = Buffer.allocUnsafeSlow(64 * 1024)
    giveBack(read)
    expect(read.byteLength).toBe(0)
  })
})

/** More than a connection takes while nobody reads. */
const BODY = randomBytes(12 * 1024 * 1024)
const SHA256 = createHash('sha256').update(BODY).digest('hex')

/** Reads once whoever sends has been waiting for it. */
async function hashOf(stream: IncomingMessage, sender: () => Socket | null | undefined): Promise<string> {
  let last = 0
  const waits = (): boolean => {
    const left = sender()?.writableLength ?? 0
    const isStill = left === last && left > 0
    last = left
    return isStill
  }
  await waitFor(waits, { intervalMs: 50, what: 'a sender that waits' })
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

const { key, cert, ca } = await createTlsFiles()

describe.each(['http', 'https'] as const)('what is sent on over %s', (protocol) => {
  const serve = async (listener: RequestListener) => {
    const server = protocol === 'http' ? createServer(listener) : createHttpsServer({ key, cert }, listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return {
      url: `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async [Symbol.asyncDispose]() {
        server.close()
        server.closeAllConnections()
      },
    }
  }

  it.each([
    ['of a declared length', true],
    ['in chunks', false],
  ])(
    'is the same byte by byte, both ways, %s',
    async (_, isSized) => {
      let client: ClientRequest | undefined
      let server: Socket | undefined
      await using files = await serve(async (request, response) => {
        server = request.socket
        response.setHeader('x-sha256', await hashOf(request, () => client?.socket))
        if (isSized) response.setHeader('content-length', BODY.byteLength)
        response.end(BODY)
      })
      const tls = protocol === 'https' ? { tls: { ca, serverName: 'localhost' } } : {}
      await using gateway = await gatewayFor({ services: { files: { url: files.url, path: '/files', ...tls } } })
      const asked = httpRequest(`${gateway.url}/files`, {
        method: 'POST',
        headers: isSized ? { 'content-length': BODY.byteLength } : {},
      })
      client = asked
      const answered = new Promise<IncomingMessage>((resolve, reject) => asked.once('response', resolve).once('error', reject))
      for (let at = 0; at < BODY.byteLength; at += 50_000) asked.write(BODY.subarray(at, at + 50_000))
      asked.end()
      const answer = await answered
      const hash = await hashOf(answer, () => server)
      expect([answer.headers['x-sha256'], hash]).toEqual([SHA256, SHA256])
    },
    60_000,
  )
})
