import { KubernetesRegistry } from '@comm/discovery/kubernetes'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { startKubernetes } from '@comm/testkit/servers'
import { afterAll } from '@jest/globals'
import { Agent, fetch as send } from 'undici'
import { kubernetesContract } from '../support/kubernetes-contract.ts'

const kubernetes = await startKubernetes()
const ca = kubernetes.tls?.ca ?? ''
const proxy = await startFaultProxy({ target: { host: kubernetes.host, port: kubernetes.port } })
const dispatcher = new Agent({ connect: { ca } })
afterAll(async () => {
  await dispatcher.close()
  await proxy.close()
  await kubernetes.close()
})

kubernetesContract({
  name: `Kubernetes ${kubernetes.version}`,
  writer: {
    url: kubernetes.url,
    namespace: 'default',
    token: () => kubernetes.token,
    fetch: ((url: string, init: object) => send(url, { ...init, dispatcher })) as unknown as typeof fetch,
  },
  createRegistry: () =>
    new KubernetesRegistry({ server: `https://${proxy.host}:${proxy.port}`, token: kubernetes.token, ssl: { ca } }),
  outage: { begin: () => kubernetes.kill(), end: () => kubernetes.restart() },
  sever: () => proxy.reset(),
})
