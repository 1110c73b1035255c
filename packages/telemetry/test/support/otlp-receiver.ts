import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface KeyValue {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: string | number }
}

/** https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids are hexadecimal. */
export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: readonly KeyValue[]
}

export interface OtlpLog {
  readonly traceId?: string
  readonly spanId?: string
  readonly severityText: string
  readonly body: { readonly stringValue: string }
}

interface Resource {
  readonly attributes: readonly KeyValue[]
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string
  /** Content types by path. */
  readonly received: readonly {
    readonly path: string
    readonly contentType: string
    readonly bytes: number
    readonly auth: string | undefined
  }[]
  spans(): readonly OtlpSpan[]
  logs(): readonly OtlpLog[]
  metricNames(): readonly string[]
  serviceNames(): ReadonlySet<string | undefined>
}

/** What a collector is to a service: takes OTLP over HTTP, and keeps what is JSON. */
export async function otlpReceiver(): Promise<OtlpReceiver> {
  const received: OtlpReceiver['received'][number][] = []
  const spans: OtlpSpan[] = []
  const logs: OtlpLog[] = []
  const names: string[] = []
  const services = new Set<string | undefined>()
  const seeResource = ({ attributes }: Resource): void => {
    services.add(attributes.find(({ key }) => key === 'service.name')?.value.stringValue)
  }
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    const { 'content-type': contentType = '', authorization: auth } = request.headers
    received.push({ path: request.url ?? '', contentType, bytes: body.length, auth })
    if (contentType === 'application/json') {
      const data = JSON.parse(String(body)) as {
        resourceSpans?: { resource: Resource; scopeSpans: { spans: OtlpSpan[] }[] }[]
        resourceLogs?: { resource: Resource; scopeLogs: { logRecords: OtlpLog[] }[] }[]
        resourceMetrics?: { resource: Resource; scopeMetrics: { metrics: { name: string }[] }[] }[]
      }
      for (const { resource, scopeSpans } of data.resourceSpans ?? []) {
        seeResource(resource)
        spans.push(...scopeSpans.flatMap((scope) => scope.spans))
      }
      for (const { resource, scopeLogs } of data.resourceLogs ?? []) {
        seeResource(resource)
        logs.push(...scopeLogs.flatMap((scope) => scope.logRecords))
      }
      for (const { resource, scopeMetrics } of data.resourceMetrics ?? []) {
        seeResource(resource)
        names.push(...scopeMetrics.flatMap((scope) => scope.metrics.map(({ name }) => name)))
      }
    }
    response.writeHead(200, { 'content-type': contentType }).end(contentType === 'application/json' ? '{}' : '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    spans: () => spans,
    logs: () => logs,
    metricNames: () => names,
    serviceNames: () => services,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
