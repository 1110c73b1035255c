import { answerOf } from '../gate/answer.ts'

/** The status codes of gRPC for the answers of HTTP. */
const CODES = { 401: 16, 403: 7, 500: 13, 503: 14 } as const
const DETAILS = { 401: 'unauthenticated', 403: 'permission denied', 500: 'internal error', 503: 'unavailable' } as const

/**
 * What a refused caller is told. nice-grpc knows its own `ServerError` by these marks, across versions, so that this package need not
 * load it.
 */
export class GrpcRefusal extends Error {
  readonly code: number
  readonly details: string

  constructor(thrown: unknown) {
    const { status } = answerOf(thrown)
    super(`${CODES[status]}: ${DETAILS[status]}`)
    this.name = 'ServerError'
    this.code = CODES[status]
    this.details = DETAILS[status]
    Object.defineProperty(this, '@@nice-grpc', { value: true })
    Object.defineProperty(this, '@@nice-grpc:ServerError', { value: true })
  }
}
