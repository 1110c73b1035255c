import type { SubscribeRequest } from '../broker.ts'

/** The lane of a delivery. @param source the unit in which the broker keeps order: a queue, a partition @param key of the record */
export function laneOf(lanes: SubscribeRequest['lanes'], source: string, key: string | undefined): string | undefined {
  if (lanes === 'source') return source
  return lanes === 'key' && key !== undefined ? `${source}/${key}` : undefined
}
