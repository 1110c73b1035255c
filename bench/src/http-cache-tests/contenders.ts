import { HttpClient } from '@comm/http'
import got, { type Headers as GotHeaders } from 'got'
import { Agent, interceptors, request as undiciRequest } from 'undici'

/** A request as the suite makes it. */
export interface SuiteRequest {
  readonly method: string
  readonly url: string
  /** Lower-case names, several values joined. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export interface SuiteAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}

/** Each is a client with a cache and without retries, which the suite would take for requests of its own. */
export type Contender = (request: SuiteRequest) => Promise<SuiteAnswer>

export const CONTENDERS: Readonly<Record<string, () => Contender>> = {
  '@comm/http': () => {
    const client = new HttpClient({ cache: true, throwHttpErrors: false })
    return async ({ method, url, headers, body }) => {
      const answer = await client.request(method, url, { headers, ...(body === undefined ? {} : { body }) })
      return { status: answer.status, headers: answer.headers, text: answer.text() }
    }
  },
  undici: () => {
    const dispatcher = new Agent().compose(interceptors.cache())
    return async ({ method, url, headers, body }) => {
      const answer = await undiciRequest(url, { dispatcher, method, headers: { ...headers }, body: body ?? null })
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
    }
  },
  got: () => {
    const client = got.extend({ cache: new Map(), retry: { limit: 0 }, throwHttpErrors: false, followRedirect: false })
    return async ({ method, url, headers, body }) => {
      const answer = await client(url, {
        method: method as 'GET',
        headers: headers as GotHeaders,
        ...(body === undefined ? {} : { body }),
      })
      return { status: answer.statusCode, headers: answer.headers, text: answer.body }
    }
  },
}
