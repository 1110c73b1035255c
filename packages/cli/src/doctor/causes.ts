/** The deepest chain that is followed: an error may be its own cause. */
const DEEPEST = 10

/** An error, its causes, and what several of them were joined from, outermost first. */
export function causesOf(thrown: unknown, depth = 0): readonly unknown[] {
  if (depth > DEEPEST || typeof thrown !== 'object' || thrown === null) return [thrown]
  const { cause, errors } = thrown as { readonly cause?: unknown; readonly errors?: unknown }
  const joined: readonly unknown[] = Array.isArray(errors) ? errors : []
  return [thrown, ...[...(cause === undefined ? [] : [cause]), ...joined].flatMap((each) => causesOf(each, depth + 1))]
}

/** Codes of Node and OpenSSL anywhere in the chain: `ECONNREFUSED`, `SELF_SIGNED_CERT_IN_CHAIN`. */
export function systemCodes(chain: readonly unknown[]): ReadonlySet<string> {
  const codes = chain.flatMap((each) => {
    const { code, details } = Object(each) as { readonly code?: unknown; readonly details?: { readonly system?: unknown } }
    return [code, details?.system]
  })
  return new Set(codes.filter((code) => typeof code === 'string'))
}
