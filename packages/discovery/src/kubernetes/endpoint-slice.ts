import type { ServiceInstance } from '../registry.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1, as far as it is read. */
export interface EndpointSlice {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string }
  readonly addressType: string
  readonly endpoints?: readonly Endpoint[] | null
  readonly ports?: readonly { readonly name?: string | null; readonly port?: number | null }[] | null
}

interface Endpoint {
  readonly addresses: readonly string[]
  /** What is not known counts as `ready`. */
  readonly conditions?: {
    readonly ready?: boolean | null
    readonly serving?: boolean | null
    readonly terminating?: boolean | null
  }
  readonly zone?: string | null
  readonly nodeName?: string | null
  readonly targetRef?: { readonly kind?: string; readonly name?: string } | null
}

interface Listed {
  readonly instance: ServiceInstance
  readonly isReady: boolean
  readonly isServing: boolean
}

/** A service with two families has each pod in slices of both: those of the first of these that are there count. */
const FAMILIES = ['IPv4', 'IPv6', 'FQDN']

/**
 * The instances that the slices of a service list: those that are ready; where none is, those that still serve while they end, as kube-proxy
 * does it (KEP-1669). One endpoint may be in several slices.
 */
export function instancesOf(
  service: string,
  slices: Iterable<EndpointSlice>,
  portName: string | undefined,
): readonly ServiceInstance[] {
  const all = [...slices].filter(({ endpoints }) => (endpoints?.length ?? 0) > 0)
  const family = FAMILIES.find((each) => all.some(({ addressType }) => addressType === each))
  const listed = all.filter(({ addressType }) => addressType === family).flatMap((slice) => listedIn(service, slice, portName))
  const ready = listed.filter(({ isReady }) => isReady)
  const chosen = ready.length > 0 ? ready : listed.filter(({ isServing }) => isServing)
  return [...new Map(chosen.map(({ instance }) => [instance.id, instance])).values()]
}

function listedIn(service: string, { endpoints, ports }: EndpointSlice, portName: string | undefined): readonly Listed[] {
  const port = (ports ?? []).find(({ name }) => portName === undefined || name === portName)?.port
  if (typeof port !== 'number') return []
  return (endpoints ?? []).flatMap(({ addresses, conditions = {}, zone, nodeName, targetRef }) => {
    const host = addresses[0]
    if (host === undefined) return []
    const metadata = {
      ...(targetRef?.kind === 'Pod' && targetRef.name ? { pod: targetRef.name } : {}),
      ...(nodeName ? { node: nodeName } : {}),
    }
    const instance: ServiceInstance = {
      service,
      id: targetRef?.name ?? `${host}:${port}`,
      host,
      port,
      ...(zone ? { zone } : {}),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    }
    const isReady = conditions.ready ?? true
    return [{ instance, isReady, isServing: conditions.serving ?? isReady }]
  })
}
