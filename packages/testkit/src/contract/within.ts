/** @throws Error when it takes longer than the deadline */
export async function within<Result>(promise: PromiseLike<Result>, what: string, deadlineMs: number): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${what} took longer than ${deadlineMs} ms`)), deadlineMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
