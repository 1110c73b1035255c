import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigurationError } from '@comm/core'
import type { ServiceInstance } from '@comm/discovery'
import { KubernetesRegistry } from '@comm/discovery/kubernetes'
import { waitFor } from '@comm/testkit'
import { type KubernetesApiServer, putSlices, type SliceWriter, sliceOf, startKubernetesApi } from '@comm/testkit/kubernetes-api'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'

const signal = new AbortController().signal
const instance = (nth: number): ServiceInstance => ({ service: 'orders', id: `orders-${nth}`, host: `10.0.0.${nth}`, port: 80 })
const ids = (list: readonly ServiceInstance[] | undefined): readonly string[] => (list ?? []).map(({ id }) => id).sort()

/** A watch that is run, and what it heard. */
function follow(registry: KubernetesRegistry) {
  const stopped = new AbortController()
  const lists: (readonly ServiceInstance[])[] = []
  const run = registry.watch('orders').run((list) => void lists.push(list), stopped.signal)
  run.catch(() => undefined)
  return { lists, run, stop: () => stopped.abort(), last: () => ids(lists.at(-1)) }
}

describe('a watch', () => {
  let api: KubernetesApiServer
  let writer: SliceWriter
  const registry = (more = {}): KubernetesRegistry =>
    new KubernetesRegistry({ server: api.url, namespace: 'shop', token: 'first-token', ...more })

  beforeAll(async () => {
    api = await startKubernetesApi({ bookmarkMs: 50 })
    writer = { url: api.url, namespace: 'shop', token: () => 'first-token' }
  })
  afterEach(() => putSlices(writer, 'orders', []))
  afterAll(() => api.close())

  it('goes on from where it was, without listing again, when the server ends it in good order', async () => {
    await using kubernetes = registry()
    const watching = follow(kubernetes)
    await waitFor(() => api.watches === 1)
    const { lists } = api
    for (let nth = 1; nth <= 3; nth++) {
      api.endWatches()
      await putSlices(writer, 'orders', [instance(nth)])
      await waitFor(() => watching.last().join() === `orders-${nth}`)
    }
    // Each `putSlices` lists once.
    expect(api.lists - lists).toBe(3)
    watching.stop()
  })

  it('lists again where the history is gone, and misses nothing', async () => {
    await using kubernetes = registry({ idleMs: 60_000 })
    await putSlices(writer, 'orders', [instance(1), instance(2)])
    const watching = follow(kubernetes)
    await waitFor(() => watching.last().length === 2)
    await api.kill()
    await expect(watching.run).rejects.toMatchObject({ retryable: true })
    await api.restart()
    await putSlices(writer, 'orders', [instance(2), instance(3)])
    api.compact()
    const watch = kubernetes.watch('orders')
    const lists: (readonly ServiceInstance[])[] = []
    const stopped = new AbortController()
    const run = watch.run((list) => void lists.push(list), stopped.signal)
    await waitFor(() => lists.length === 1)
    stopped.abort()
    await run.catch(() => undefined)
    await putSlices(writer, 'orders', [instance(3), instance(4)])
    api.compact()
    const before = api.lists
    const again = new AbortController()
    const second = watch.run((list) => void lists.push(list), again.signal)
    await waitFor(() => ids(lists.at(-1)).join() === 'orders-3,orders-4')
    expect(api.lists - before).toBe(1)
    again.abort()
    await second.catch(() => undefined)
  })

  it('remembers bookmarks, so that a quiet service need not be listed again when the history before them is gone', async () => {
    await using kubernetes = registry()
    const watching = follow(kubernetes)
    await waitFor(() => api.watches === 1)
    await putSlices(writer, 'others', [instance(1), instance(2)])
    api.compact()
    const { bookmarks } = api
    await waitFor(() => api.bookmarks > bookmarks + 1)
    const { lists } = api
    api.endWatches()
    await waitFor(() => api.watches === 1)
    await putSlices(writer, 'orders', [instance(5)])
    await waitFor(() => watching.last().join() === 'orders-5')
    expect(api.lists - lists).toBe(1)
    watching.stop()
  })

  it('is opened anew when it is silent for too long', async () => {
    await using silent = await startKubernetesApi({ bookmarkMs: 600_000 })
    await using kubernetes = new KubernetesRegistry({ server: silent.url, token: 'first-token', idleMs: 100 })
    const watching = follow(kubernetes)
    await waitFor(() => watching.lists.length === 1)
    await waitFor(() => silent.watchRequests > 2)
    const own: SliceWriter = { url: silent.url, namespace: 'default', token: () => 'first-token' }
    await putSlices(own, 'orders', [instance(1)])
    await waitFor(() => watching.last().join() === 'orders-1')
    expect(silent.lists).toBe(2)
    watching.stop()
  })

  it('reads lists that come in pages', async () => {
    const many = Array.from({ length: 600 }, (_, nth) => ({
      ...instance(1),
      id: `p${nth}`,
      host: `10.1.${nth >> 8}.${nth & 255}`,
    }))
    const headers = { authorization: 'Bearer first-token' }
    const base = `${api.url}/apis/discovery.k8s.io/v1/namespaces/pages/endpointslices`
    for (const each of many) await fetch(base, { method: 'POST', headers, body: JSON.stringify(sliceOf('orders', each)) })
    await using kubernetes = registry({ namespace: 'pages' })
    expect(await kubernetes.resolve('orders', signal)).toHaveLength(600)
  })
})

describe('what a slice lists', () => {
  const endpoint = (nth: number, conditions: object = {}) => ({
    addresses: [`10.0.0.${nth}`],
    conditions,
    zone: 'a',
    nodeName: `n${nth}`,
  })
  const list = async (...slices: readonly object[]): Promise<readonly (string | undefined)[]> => {
    await using api = await startKubernetesApi()
    const base = `${api.url}/apis/discovery.k8s.io/v1/namespaces/default/endpointslices`
    for (const [at, slice] of slices.entries()) {
      const metadata = { name: `s${at}`, labels: { 'kubernetes.io/service-name': 'orders' } }
      const body = {
        addressType: 'IPv4',
        ports: [
          { name: 'grpc', port: 90 },
          { name: 'http', port: 80 },
        ],
        ...slice,
        metadata,
      }
      await fetch(base, { method: 'POST', headers: { authorization: 'Bearer first-token' }, body: JSON.stringify(body) })
    }
    await using kubernetes = new KubernetesRegistry({ server: api.url, token: 'first-token', portName: 'http' })
    return ids(await kubernetes.resolve('orders', signal))
  }

  it.each<[string, readonly object[], readonly string[]]>([
    [
      'those that are ready, or do not say',
      [{ endpoints: [endpoint(1), endpoint(2, { ready: false }), endpoint(3, { ready: true })] }],
      ['10.0.0.1:80', '10.0.0.3:80'],
    ],
    [
      'where none is ready those that still serve',
      [
        {
          endpoints: [
            endpoint(1, { ready: false, serving: true, terminating: true }),
            endpoint(2, { ready: false, serving: false }),
          ],
        },
      ],
      ['10.0.0.1:80'],
    ],
    [
      'an endpoint of two slices once',
      [{ endpoints: [endpoint(1)] }, { endpoints: [endpoint(1), endpoint(2)] }],
      ['10.0.0.1:80', '10.0.0.2:80'],
    ],
    [
      'one family of two',
      [{ endpoints: [endpoint(1)] }, { addressType: 'IPv6', endpoints: [{ addresses: ['fd00::1'] }] }],
      ['10.0.0.1:80'],
    ],
    ['nothing of a port that is not there', [{ ports: [{ name: 'grpc', port: 90 }], endpoints: [endpoint(1)] }], []],
    ['nothing where the lists are null', [{ endpoints: null, ports: null }], []],
  ])('%s', async (_, slices, expected) => {
    expect(await list(...slices)).toEqual(expected)
  })
})

describe('credentials', () => {
  let folder: string
  let api: KubernetesApiServer
  const variables = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT', 'KUBECONFIG'] as const
  const before = Object.fromEntries(variables.map((name) => [name, process.env[name]]))

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'comm-kube-'))
    api = await startKubernetesApi({ tls: true })
    await mkdir(join(folder, 'sa'))
    await writeFile(join(folder, 'sa/token'), 'first-token\n')
    await writeFile(join(folder, 'sa/namespace'), 'shop')
    await writeFile(join(folder, 'sa/ca.crt'), api.tls?.ca ?? '')
  })
  /** As the kubelet does it: nobody sees half of it. */
  const replaceToken = async (token: string): Promise<void> => {
    await writeFile(join(folder, 'sa/next'), `${token}\n`)
    await rename(join(folder, 'sa/next'), join(folder, 'sa/token'))
  }
  afterEach(async () => {
    api.rotateToken('first-token')
    await replaceToken('first-token')
    for (const name of variables) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  })
  afterAll(async () => {
    await api.close()
    await rm(folder, { recursive: true })
  })

  it('are those of the pod, read again when the token is rotated, and a watch outlives that', async () => {
    process.env['KUBERNETES_SERVICE_HOST'] = api.host
    process.env['KUBERNETES_SERVICE_PORT'] = String(api.port)
    await using kubernetes = new KubernetesRegistry({ serviceAccountFolder: join(folder, 'sa') })
    expect(await kubernetes.resolve('orders', signal)).toEqual([])
    const watching = follow(kubernetes)
    await waitFor(() => api.watches === 1)
    api.rotateToken('second-token')
    await expect(kubernetes.resolve('orders', signal)).rejects.toMatchObject({ code: 'COMM_AUTHENTICATION' })
    await replaceToken('second-token')
    expect(await kubernetes.resolve('orders', signal)).toEqual([])
    const { watchRequests } = api
    api.endWatches()
    await waitFor(() => api.watchRequests > watchRequests && api.watches === 1)
    watching.stop()
  })

  const kubeconfig = async (user: string, cluster = ''): Promise<string> => {
    const file = join(folder, `config-${Math.random()}`)
    const ca = Buffer.from(api.tls?.ca ?? '').toString('base64')
    await writeFile(
      file,
      `apiVersion: v1
kind: Config
current-context: dev
contexts:
- name: dev
  context: { cluster: one, user: me, namespace: shop }
clusters:
- name: one
  cluster: { server: '${api.url}', certificate-authority-data: ${ca}${cluster} }
users:
- name: me
  user: ${user}
`,
    )
    return file
  }

  it.each([
    ['a token', '{ token: first-token }'],
    ['a file with a token, relative to it', '{ tokenFile: sa/token }'],
    [
      'a command that gives tokens',
      `{ exec: { apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, 'echo "{\\"status\\":{\\"token\\":\\"$T\\"}}"'], env: [{ name: T, value: first-token }] } }`,
    ],
  ])('are those of a kubeconfig: %s', async (_, user) => {
    await using kubernetes = new KubernetesRegistry({ kubeconfig: await kubeconfig(user) })
    expect(await kubernetes.resolve('orders', signal)).toEqual([])
  })

  it('of a command are asked for again when they are refused', async () => {
    const file = join(folder, 'exec-token')
    await writeFile(file, 'first-token')
    const echo = `echo "{\\"status\\":{\\"token\\":\\"$(cat ${file})\\"}}"`
    const user = `{ exec: { apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, '${echo}'] } }`
    await using kubernetes = new KubernetesRegistry({ kubeconfig: await kubeconfig(user) })
    expect(await kubernetes.resolve('orders', signal)).toEqual([])
    api.rotateToken('second-token')
    await writeFile(file, 'second-token')
    expect(await kubernetes.resolve('orders', signal)).toEqual([])
  })

  it.each([
    ['a context that is not there', { context: 'prod' }, '', /has no context "prod"; it has dev$/],
    ['a cluster whose certificate nobody checks', {}, ', insecure-skip-tls-verify: true', /insecure-skip-tls-verify/],
  ])('of a kubeconfig are refused: %s', async (_, options, cluster, message) => {
    await using kubernetes = new KubernetesRegistry({ kubeconfig: await kubeconfig('{}', cluster), ...options })
    const refused = kubernetes.resolve('orders', signal)
    await expect(refused).rejects.toBeInstanceOf(ConfigurationError)
    await expect(refused).rejects.toThrow(message)
  })

  it('are refused with a word about what to do where there are none', async () => {
    for (const name of variables) delete process.env[name]
    await using kubernetes = new KubernetesRegistry({ kubeconfig: join(folder, 'nowhere') })
    await expect(kubernetes.resolve('orders', signal)).rejects.toThrow(
      /cannot be read: ENOENT.*say where the cluster is: kubeconfig, or server and token/,
    )
    expect(() => new KubernetesRegistry({ token: 'hunter2' })).toThrow(
      new ConfigurationError('KubernetesRegistry.server must be given where token is, got undefined'),
    )
  })

  it('are not shown to a server whose certificate another authority has signed', async () => {
    await using other = await startKubernetesApi({ tls: true })
    await using kubernetes = new KubernetesRegistry({ server: other.url, token: 'first-token', ssl: { ca: api.tls?.ca ?? '' } })
    const refused = kubernetes.resolve('orders', signal)
    await expect(refused).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
    await expect(refused).rejects.not.toThrow(/first-token/)
  })
})
