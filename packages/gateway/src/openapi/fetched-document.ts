import { type Clock, CommunicationError, HttpStatusError, type Logger } from '@comm/core'
import { parse } from 'yaml'
import { collect } from '../upstream/collect.ts'
import type { Timeouts } from '../upstream/timeouts.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { isDocument, type OpenApiDocument } from './document.ts'

export interface FetchedDocumentParts {
  readonly upstream: Upstream
  readonly path: string
  readonly timeouts: Timeouts
  readonly ttlMs: number
  readonly clock: Clock
  readonly logger: Logger
}

const MOST_BYTES = 4 * 1024 * 1024
/** One that could not be had is asked for again so soon. */
const AGAIN_MS = 1000

/** The document that a service has of itself. What was there last is used while it cannot be had. */
export class FetchedDocument {
  readonly #parts: FetchedDocumentParts
  #document: OpenApiDocument | undefined
  #problem: string | undefined
  #freshUntil = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(parts: FetchedDocumentParts) {
    this.#parts = parts
  }

  get document(): OpenApiDocument | undefined {
    return this.#document
  }

  /** A code: why there is none. */
  get problem(): string {
    return this.#problem ?? 'COMM_UNKNOWN'
  }

  /** Asks the service, unless what it said is fresh. Never rejects. */
  refresh(): Promise<void> {
    if (this.#parts.clock.now() < this.#freshUntil) return Promise.resolve()
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<void> {
    const { upstream, path, timeouts, ttlMs, clock, logger } = this.#parts
    try {
      const fields = ['accept', 'application/json, application/yaml;q=0.9']
      const request = { method: 'GET', path, fields, body: undefined, key: undefined, timeouts, isRepeatable: true }
      const { status, body } = await collect(upstream, request, MOST_BYTES)
      if (status !== 200) throw new HttpStatusError(`GET ${path} was answered ${status}`, { status })
      const found: unknown = parse(body.toString('utf8'), { maxAliasCount: 100 })
      if (!isDocument(found)) throw new CommunicationError(`what GET ${path} gave is no OpenAPI document, 3.0 or 3.1`)
      this.#document = found
      this.#freshUntil = clock.now() + ttlMs
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      this.#problem = error.code
      this.#freshUntil = clock.now() + Math.min(ttlMs, AGAIN_MS)
      logger.warn(`the OpenAPI document of ${upstream.name} cannot be had`, { error, hasFormer: this.#document !== undefined })
    }
  }
}
