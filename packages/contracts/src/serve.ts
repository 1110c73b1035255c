import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServiceContract } from './contract.ts'
import { asyncApi } from './documents/async-api.ts'
import type { JsonDocument } from './documents/json-document.ts'
import { openApi } from './documents/open-api.ts'
import type { FastifyLike } from './fastify.ts'

/** The documents of a contract by the path that they are served at: only those that say something. */
export function documentsOf(
  contract: ServiceContract,
): Readonly<Record<'/openapi.json' | '/asyncapi.json', JsonDocument | undefined>> {
  const { routes = [], sends = [], receives = [] } = contract
  return {
    '/openapi.json': routes.length > 0 ? openApi(contract) : undefined,
    '/asyncapi.json': sends.length + receives.length > 0 ? asyncApi(contract) : undefined,
  }
}

/** Serves `/openapi.json` and `/asyncapi.json` of a contract, from Fastify. */
export function fastifyContract(app: FastifyLike, contract: ServiceContract): void {
  for (const [url, document] of Object.entries(documentsOf(contract))) {
    if (document !== undefined) app.route({ method: 'GET', url, handler: async () => document })
  }
}

/** The same for a server of any kind: answers, and tells whether the request was for a document. */
export function contractHandler(contract: ServiceContract): (request: IncomingMessage, response: ServerResponse) => boolean {
  const documents = new Map(
    Object.entries(documentsOf(contract)).flatMap(([path, document]) => (document ? [[path, JSON.stringify(document)]] : [])),
  )
  return ({ method, url = '' }, response) => {
    const text = documents.get(url.split('?', 1)[0] ?? '')
    if (text === undefined || (method !== 'GET' && method !== 'HEAD')) return false
    response.setHeader('content-type', 'application/json').end(method === 'HEAD' ? undefined : text)
    return true
  }
}
