import type { ServiceInstance } from '@comm/discovery'

export interface SliceWriter {
  readonly url: string
  readonly namespace: string
  /** Asked before every request. */
  readonly token: () => string
  /** How it is reached; a real API server has a certificate of its own. @default fetch */
  readonly fetch?: typeof fetch
}

/** Makes these, and no others, the endpoints of a service, as a cluster's controller would: one slice per port, since one slice has one port. */
export async function putSlices(writer: SliceWriter, service: string, instances: readonly ServiceInstance[]): Promise<void> {
  const base = `/apis/discovery.k8s.io/v1/namespaces/${writer.namespace}/endpointslices`
  const query = `?labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${service}`)}`
  const known = (await call(writer, 'GET', `${base}${query}`)) as { items: readonly { metadata: { name: string } }[] }
  const wanted = new Map(instances.map((instance) => [`${service}-${instance.id}`.toLowerCase(), sliceOf(service, instance)]))
  for (const { metadata } of known.items) if (!wanted.has(metadata.name)) await call(writer, 'DELETE', `${base}/${metadata.name}`)
  const names = new Set(known.items.map(({ metadata }) => metadata.name))
  for (const [name, slice] of wanted) {
    if (names.has(name)) await call(writer, 'PUT', `${base}/${name}`, slice)
    else await call(writer, 'POST', base, slice)
  }
}

/** @returns a slice with one endpoint, whose id is the name of its pod */
export function sliceOf(service: string, { id, host, port, zone }: ServiceInstance): object {
  return {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: { name: `${service}-${id}`.toLowerCase(), labels: { 'kubernetes.io/service-name': service } },
    addressType: host.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: [
      {
        addresses: [host],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', name: id },
        ...(zone === undefined ? {} : { zone }),
      },
    ],
    ports: [{ name: 'http', port, protocol: 'TCP' }],
  }
}

async function call(
  { url, token, fetch: send = fetch }: SliceWriter,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const response = await send(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token()}`, 'content-type': 'application/json', connection: 'close' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
  return JSON.parse(text)
}
