/**
 * Stands for a client that is loaded at its first use. Every method exists and gives a promise; one that the client turns out
 * not to have rejects with a TypeError that names it.
 *
 * @param onCall sees the calls made through the stand-in
 */
export function lazy<Client extends object>(
  name: string,
  load: () => Promise<object>,
  onCall: (method: string, promise: Promise<unknown>) => void,
): Client {
  const call = async (method: string | symbol, parameters: readonly unknown[]): Promise<unknown> => {
    const client = await load()
    const target: unknown = Reflect.get(client, method)
    if (typeof target !== 'function') throw new TypeError(`${name}.${String(method)} is not a method`)
    return Reflect.apply(target, client, parameters) as unknown
  }
  const isMethod = (property: string | symbol): boolean =>
    typeof property === 'string' ? !ASKED_BY_THE_LANGUAGE.has(property) : property === Symbol.asyncDispose
  return new Proxy({} as Client, {
    get: (_target, property) => {
      if (!isMethod(property)) return undefined
      return (...parameters: unknown[]) => {
        const promise = call(property, parameters)
        onCall(String(property), promise)
        return promise
      }
    },
    has: (_target, property) => isMethod(property),
  })
}

/** `await` and `JSON.stringify` look for these; finding them would load the client. */
const ASKED_BY_THE_LANGUAGE: ReadonlySet<string> = new Set(['then', 'toJSON'])
