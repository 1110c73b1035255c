import type { Broker, Cluster } from 'kafkajs'

/** A request of kafkajs, with how its answer is read. */
export interface Call {
  readonly request: { readonly apiVersion: number }
  readonly response: { decode(payload: Buffer): Promise<unknown> }
}

export type MakeCall = (input: unknown) => Call
export type Lookup = (apiKey: number, definition: unknown) => MakeCall

/** The types of kafkajs leave out what makes a broker's requests. It is set anew with each connection. */
interface Requester extends Broker {
  lookupRequest?: Lookup
}

/** @param change of how one kind of request is made; called once for each connection */
export function changeRequests(
  cluster: Pick<Cluster, 'findBroker'>,
  changedKey: number,
  change: (make: MakeCall) => MakeCall,
): void {
  const ours = new WeakSet<Lookup>()
  const findBroker = cluster.findBroker.bind(cluster)
  cluster.findBroker = async (node) => {
    const broker: Requester = await findBroker(node)
    const { lookupRequest } = broker
    if (lookupRequest !== undefined && !ours.has(lookupRequest)) {
      broker.lookupRequest = changed(lookupRequest, changedKey, change)
      ours.add(broker.lookupRequest)
    }
    return broker
  }
}

function changed(lookup: Lookup, changedKey: number, change: (make: MakeCall) => MakeCall): Lookup {
  let make: MakeCall | undefined
  return (apiKey, definition) => {
    if (apiKey !== changedKey) return lookup(apiKey, definition)
    make ??= change(lookup(apiKey, definition))
    return make
  }
}
