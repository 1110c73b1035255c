import type { RequestListener } from 'node:http'
import { bodyOf, type LocalServer, localServer } from '../support/local-server.ts'

/** What a token endpoint was asked: credentials and form. */
export interface TokenRequest {
  readonly authorization: string | undefined
  readonly form: URLSearchParams
}

export interface TokenServer extends LocalServer {
  readonly asked: readonly TokenRequest[]
  /** What the next requests are answered with, in place of a new token each. */
  answer: RequestListener | undefined
}

/** An authorization server whose tokens are `token-1`, `token-2` … */
export async function tokenServer(expiresIn = 3600): Promise<TokenServer> {
  const asked: TokenRequest[] = []
  const state: { answer: RequestListener | undefined } = { answer: undefined }
  const server = await localServer((request, response) => {
    void bodyOf(request).then((body) => {
      asked.push({ authorization: request.headers.authorization, form: new URLSearchParams(body) })
      if (state.answer !== undefined) return state.answer(request, response)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ access_token: `token-${asked.length}`, token_type: 'bearer', expires_in: expiresIn }))
    })
  })
  return Object.assign(state, { ...server, asked })
}

/** A server that lets in who shows one of these values, and counts what it was shown. */
export async function guardedServer(accepted: () => string): Promise<LocalServer & { readonly shown: (string | undefined)[] }> {
  const shown: (string | undefined)[] = []
  const server = await localServer((request, response) => {
    shown.push(request.headers.authorization)
    void bodyOf(request).then((body) => {
      response.writeHead(request.headers.authorization === accepted() ? 200 : 401, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ body }))
    })
  })
  return { ...server, shown }
}
