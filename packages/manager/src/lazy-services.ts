/** What a gRPC client has, as far as the manager knows. */
interface Services {
  service(definition: unknown): Readonly<Record<string | symbol, (request: unknown, options?: unknown) => unknown>>
}

/**
 * `client.service(definition)` of a client that is not loaded yet: methods that load it with their first call. One whose answer is a stream
 * gives an async iterable at once, as the client itself does.
 */
export function lazyServices(load: () => Promise<object>): (definition: object) => object {
  return (definition) =>
    new Proxy(
      {},
      {
        get: (_target, method) => {
          if (method === 'then') return undefined
          const call = async (request: unknown, options: unknown): Promise<unknown> => {
            const found = (await servicesOf(load, definition))[method]
            if (found === undefined) throw new TypeError(`the service has no method ${String(method)}`)
            return found(request, options)
          }
          return isStream(definition, method) ? (request: unknown, options: unknown) => later(() => call(request, options)) : call
        },
      },
    )
}

async function servicesOf(load: () => Promise<object>, definition: object): Promise<ReturnType<Services['service']>> {
  return ((await load()) as Services).service(definition)
}

/** Of ts-proto's definitions methods are by name under `methods`, of others by name. */
function isStream(definition: object, method: string | symbol): boolean {
  const methods: unknown = 'methods' in definition ? definition.methods : definition
  return Object(Object(methods)[method]).responseStream === true
}

function later(open: () => Promise<unknown>): AsyncIterable<unknown> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* (await open()) as AsyncIterable<unknown>
    },
  }
}
