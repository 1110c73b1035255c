// Services that call each other by name, and proof of what the mesh does for them: what is printed is asserted.
//
//   pnpm example service-mesh

import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Component, currentPrincipal, Lifecycle, ServiceUnavailableError, type TlsOptions } from '@comm/core'
import { MemoryRegistry, MemoryRegistryServer } from '@comm/discovery/memory'
import { httpServerComponent } from '@comm/http/server'
import { createLogger } from '@comm/logging'
import { createMesh, type Mesh, type MeshConfig } from '@comm/mesh'
import { createAuthority } from '@comm/testkit/servers'

const registry = new MemoryRegistryServer()
const authority = await createAuthority()
const folder = mkdtempSync(join(tmpdir(), 'service-mesh-'))
const audit: string[] = []
const logger = createLogger({ env: {}, service: 'shop', destination: (line) => void audit.push(line) })
const lifecycles: Lifecycle[] = []

/** Each service shows who it is by a certificate, whose files may be replaced while it runs. */
async function certificate(service: string): Promise<TlsOptions> {
  const { ca, cert, key } = await authority.issue({ host: service, uris: [`spiffe://shop.example/${service}`] })
  const place = (name: string, text: string): string => {
    const path = join(folder, `${service}-${name}.pem`)
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
    return path
  }
  return { caFile: place('ca', ca), certFile: place('cert', cert), keyFile: place('key', key) }
}

/** A service of the mesh: it listens, and is registered for as long as it runs. */
async function serve(name: string, version: string, answer: () => string, access: MeshConfig['access'] = {}): Promise<Mesh> {
  const mesh = createMesh({
    service: { name, version, host: '127.0.0.1', port: () => Number(new URL(server.url).port) },
    discovery: new MemoryRegistry({ server: registry }),
    tls: await certificate(name),
    access,
    logger,
  })
  const server = httpServerComponent(
    mesh.createServer((_, response) => void response.end(answer())),
    { port: 0, host: '127.0.0.1', name: `server of ${name} ${version}` },
  )
  await start(server, mesh)
  return mesh
}

async function caller(service: string, config: MeshConfig = {}): Promise<Mesh> {
  const mesh = createMesh({
    service,
    discovery: new MemoryRegistry({ server: registry }),
    tls: await certificate(service),
    ...config,
  })
  await start(mesh)
  return mesh
}

/** Each service ends by itself, as it would in a process of its own. */
async function start(...components: readonly Component[]): Promise<void> {
  const lifecycle = new Lifecycle()
  for (const component of components) lifecycle.add(component)
  lifecycles.unshift(lifecycle)
  await lifecycle.start()
}

function show(what: string, said: string): void {
  console.log(`✓ ${what}: ${said}`)
}

try {
  let broken = 0
  const allow = { allow: [{ spiffeId: 'spiffe://shop.example/orders' }] }
  const payments = await serve('payments', '1.0.0', () => `one, for ${currentPrincipal()?.subject}`, allow)
  await serve('payments', '2.0.0', () => 'two', allow)
  await serve('stock', '1.0.0', () => {
    if (broken > 0) {
      broken--
      throw new ServiceUnavailableError('not now')
    }
    return 'there'
  })
  const orders = await caller('orders', {
    traffic: { payments: { split: { 1: 100, 2: 0 } } },
    policies: { '*': { retry: false } },
  })
  const carts = await caller('carts', { policies: { '*': { retry: false } } })

  const text = async (): Promise<string> => (await orders.call('payments').get('/pay')).text()
  assert.equal(await text(), 'one, for spiffe://shop.example/orders')
  show('By name', 'payments was found in the registry, called with mutual TLS, and knows who called')

  await assert.rejects(carts.call('payments').get('/pay'), { status: 403 })
  assert(audit.some((line) => line.includes('spiffe://shop.example/carts') && line.includes('denied')))
  show('Allow list', 'who is not on it is refused before the handler, and the refusal is in the audit log')

  payments.reload({ access: { allow: [] } })
  await assert.rejects(text(), { status: 403 })
  payments.reload({ access: allow })
  assert.equal(await text(), 'one, for spiffe://shop.example/orders')
  show('Lists that change', 'from the next call on, on connections that stand')

  broken = 1
  await assert.rejects(orders.call('stock').get('/7'), ServiceUnavailableError)
  orders.reload({ policies: { stock: { retry: { maxRetries: 1, backoff: { type: 'constant', baseMs: 1 } } } } })
  broken = 1
  assert.equal((await orders.call('stock').get('/7')).text(), 'there')
  show('Policies that change', 'the same client tries again from the next call on')

  orders.reload({ traffic: { payments: { split: { 1: 0, 2: 100 } } } })
  assert.equal(await text(), 'two')
  show('Versions', 'all of the traffic has moved to version 2')

  const calls = Array.from({ length: 40 }, async (_, at) => {
    if (at % 10 === 0) await certificate('orders')
    await orders.tls?.reload()
    return text()
  })
  assert.deepEqual(new Set(await Promise.all(calls)), new Set(['two']))
  show('Certificates', 'replaced four times while 40 calls were made; none failed')

  registry.stop()
  assert.equal(await text(), 'two')
  registry.start()
  show('An outage', 'while the registry is away the last known instances are called')

  const edge = orders.topology().edges.find(({ to }) => to === 'payments')
  assert(edge !== undefined && edge.calls > 40)
  show('Topology', `${edge.from} has called ${edge.to} ${edge.calls} times`)
  console.log('service-mesh: ok')
} finally {
  for (const lifecycle of lifecycles) assert.deepEqual((await lifecycle.stop()).problems, [])
  rmSync(folder, { recursive: true })
}
