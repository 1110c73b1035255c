import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Answer = { readonly status?: number; readonly body: string; readonly type?: string } | 'hang'

/** A real HTTP server that publishes keys, can be taken away and brought back on its port, and counts what is asked of it. */
export class IdentityProvider implements AsyncDisposable {
  asked = 0
  answer: (request: IncomingMessage) => Answer
  #server: Server | undefined
  #port = 0

  constructor(answer: (request: IncomingMessage) => Answer) {
    this.answer = answer
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/jwks`
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      this.asked++
      const answer = this.answer(request)
      if (answer === 'hang') return
      const headers = {
        'content-type': answer.type ?? 'application/json',
        ...(answer.status === 302 ? { location: '/other' } : {}),
      }
      response.writeHead(answer.status ?? 200, headers).end(answer.body)
    })
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    return this
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    server?.closeAllConnections()
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
