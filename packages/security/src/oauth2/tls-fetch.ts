import { request } from 'node:https'
import type { TlsReloader } from '@comm/core'
import type { Fetch } from '../jwt/remote-jwks.ts'
import { mutualTlsClientOptions } from '../mtls/follow-tls.ts'

/**
 * A `fetch` that presents the certificate of a reloader, as it is at the time (the platform's own cannot). For the few and short requests
 * to an identity provider: each has a connection of its own, and its answer is held in memory.
 * @param maxBytes of an answer @default 262144
 */
export function tlsFetch(reloader: TlsReloader, maxBytes = 262_144): Fetch {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const headers = Object.fromEntries(new Headers(init.headers))
      const body = init.body === undefined || init.body === null ? undefined : String(init.body)
      if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body))
      const { method = 'GET', signal } = init
      const options = { method, headers, agent: false, ...mutualTlsClientOptions(reloader), ...(signal ? { signal } : {}) }
      const call = request(url, options as Parameters<typeof request>[1], (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength
          if (bytes > maxBytes) response.destroy(new Error(`answered with more than ${maxBytes} bytes`))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode: status = 500, headersDistinct } = response
          const entries = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
            values.map((value): [string, string] => [name, value]),
          )
          const hasBody = status !== 204 && status !== 304
          resolve(new Response(hasBody ? Buffer.concat(chunks) : null, { status, headers: entries }))
        })
      })
      call.on('error', reject)
      call.end(body)
    })
}
