/**
 * The value as a promise when it is one or behaves like one, else undefined. A foreign thenable is wrapped: its `then` may throw,
 * call back at once, or twice, or with a promise.
 *
 * @throws what reading `then` throws
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (value instanceof Promise) return value
  return isThenable(value) ? Promise.resolve(value) : undefined
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
}
