import { KubernetesRegistry } from '@comm/discovery/kubernetes'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { startKubernetesApi } from '@comm/testkit/kubernetes-api'
import { afterAll } from '@jest/globals'
import { kubernetesContract } from './support/kubernetes-contract.ts'
import { report } from './support/support-table.ts'

const api = await startKubernetesApi({ bookmarkMs: 100 })
const proxy = await startFaultProxy({ target: { host: api.host, port: api.port } })
afterAll(async () => {
  await proxy.close()
  await api.close()
})

kubernetesContract({
  name: 'Kubernetes',
  report,
  writer: { url: api.url, namespace: 'shop', token: () => 'first-token' },
  createRegistry: () =>
    new KubernetesRegistry({ server: `http://${proxy.host}:${proxy.port}`, namespace: 'shop', token: 'first-token' }),
  outage: { begin: () => api.kill(), end: () => api.restart() },
  sever: () => proxy.reset(),
})
