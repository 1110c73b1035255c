import { abortError } from './call-errors.ts'
import type { HttpStreamResponse } from './response.ts'

/** The pipeline heeds the signals until the answer is there; a streamed body must do so until it has been read. */
export function endWith({ body, method, url }: HttpStreamResponse, signals: readonly (AbortSignal | undefined)[]): void {
  for (const signal of signals) {
    if (signal === undefined) continue
    const abort = (): void => void body.destroy(abortError({ method, url }, signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    body.once('close', () => signal.removeEventListener('abort', abort))
  }
}
