export type Part = 'http-client' | 'http-server' | 'grpc-client' | 'publish' | 'consume'

/** What runs in the process: nothing, or an SDK that records metrics and so many of the traces. */
export type Sdk = 'none' | '1 %' | 'all'

/**
 * What a module of a part exports: one part of a package's instrumentation, with the least to observe.
 * @param observed false: the same steps without the instrumentation
 * @param traceparent of the caller or publisher of an operation
 * @returns one operation, which is given its number
 */
export type Instrumentation = (observed: boolean, traceparent: (at: number) => string) => (at: number) => unknown

/** So many of these are sampled where others decide: by the caller of a server, by the publisher of a message. */
export function traceparent(sdk: Sdk, at: number): string {
  const sampled = sdk === 'all' || (sdk === '1 %' && at % 100 === 0)
  return `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-${sampled ? '01' : '00'}`
}
