import type { AnswerFields } from '../message/answer-fields.ts'

/** Where the answer of a service goes. Every call ends with exactly one of `end` and `fail`. */
export interface AnswerReceiver {
  /** A final status. At most once; after it the call is made no more. Fields about the connection are still among them. */
  head(status: number, fields: AnswerFields): void
  /** @returns false: no more until the call's `resume()` */
  data(chunk: Buffer): boolean
  end(trailers: AnswerFields | undefined): void
  /** There is no answer, or it broke off. @param error typed */
  fail(error: unknown): void
}
