/** A member of a group in a process of its own, which tells what it handles until it is killed. */
import { KafkaAdapter } from '@comm/messaging-kafka'

const [url = '', topic = ''] = process.argv.slice(2)
const adapter = new KafkaAdapter({ hosts: [url], partitions: 6 })
await adapter.connect(new AbortController().signal)
await adapter.subscribe({ topics: [topic], group: 'g', maxUnsettled: 20, lanes: 'key' }, (delivery) => {
  const handled = { key: delivery.key, index: Number(Buffer.from(delivery.body).toString()) }
  // Told before it is settled: what was settled is known here.
  process.send?.(handled, () => void delivery.settle('ack'))
})
process.send?.('ready')
