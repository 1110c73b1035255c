import type { ServiceInstance } from '../registry.ts'
import type { KeyValue } from './etcd-api.ts'

export const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Under one of them are the instances of one service. */
export function servicePrefix(keyPrefix: string, service: string): string {
  return `${keyPrefix}${service}/`
}

/** The end of the range of all keys that begin so: the next text of that length. */
export function rangeEnd(prefix: string): string {
  const bytes = Buffer.from(prefix)
  bytes[bytes.length - 1] = (bytes.at(-1) as number) + 1
  return bytes.toString('base64')
}

export function valueFor({ service: _, id: __, ...said }: ServiceInstance): string {
  return base64(JSON.stringify(said))
}

/** @returns undefined for what is no instance: others may write there too */
export function instanceOf({ key, value = '' }: KeyValue, service: string, prefix: string): ServiceInstance | undefined {
  try {
    const said: unknown = JSON.parse(Buffer.from(value, 'base64').toString())
    if (typeof said !== 'object' || said === null) return undefined
    const id = Buffer.from(key, 'base64').toString().slice(prefix.length)
    return { ...(said as Pick<ServiceInstance, 'host' | 'port'>), service, id }
  } catch {
    return undefined
  }
}
