import { hostName } from '@comm/core'
import { arrayOf, checkOptions, nonEmptyText, number, object, type Rule, required, text } from '@comm/core/options'
import type { ServiceInstance } from './registry.ts'

/** An instance as it is announced: its id may be left out. */
export type InstanceOptions = Omit<ServiceInstance, 'id'> & {
  /** @default `host:port`, so that one that was started again takes the place of the one before */
  readonly id?: string
}

/** As names of hosts, keys, paths and label values allow it everywhere. */
export const serviceName: Rule = {
  expected: "a service's name: letters, digits, '.', '_' and '-', beginning and ending with a letter or digit, at most 200",
  accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?$/.test(value),
}
const textMap: Rule = {
  expected: 'an object of strings',
  accepts: (value) => object.accepts(value) && Object.values(value as object).every(text.accepts),
}

/** @throws ConfigurationError with every problem at once */
export function checkInstance(options: InstanceOptions): ServiceInstance {
  checkOptions<InstanceOptions>('instance', options, {
    service: required(serviceName),
    id: nonEmptyText,
    host: required(hostName),
    port: required(number({ min: 1, max: 65_535, integer: true })),
    weight: number({ above: 0 }),
    zone: nonEmptyText,
    version: nonEmptyText,
    metadata: textMap,
    tags: arrayOf(nonEmptyText),
  })
  const { host, port } = options
  return frozen({ ...given(options), id: options.id ?? `${host}:${port}` } as ServiceInstance)
}

/** Frozen, deeply, its own copy. */
export function frozen({ metadata, tags, ...instance }: ServiceInstance): ServiceInstance {
  return Object.freeze({
    ...instance,
    ...(metadata && { metadata: Object.freeze({ ...metadata }) }),
    ...(tags && { tags: Object.freeze([...tags]) }),
  })
}

function given<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<Options>
}
