import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { checkOptions } from '@comm/core/options'
import { createTlsFiles, type TlsFiles } from '../certificates.ts'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'
import { commandOnPath } from '../find/path.ts'
import { ownProcessSources, sourcesFromEnvironment } from '../find/sources.ts'
import { KUBERNETES_VERSION, kubeApiserver } from '../install/kube-apiserver.ts'
import type { Place, ServerKind } from '../kind.ts'
import type { Endpoint, Ping } from '../process/wait-until-ready.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'
import { startEtcd } from './etcd.ts'

/** A real Kubernetes API server. */
export interface KubernetesServer extends TestServer {
  /** Of an administrator. */
  readonly token: string
}

/** A real kube-apiserver over an etcd of its own; `url` is `https://127.0.0.1:…`, `tls.ca` its authority. The first start builds it. */
export async function startKubernetes(options: CommonServerOptions = {}): Promise<KubernetesServer> {
  checkOptions('kubernetes', options, { sources: sourcesRule })
  const sources = ownProcessSources(options.sources ?? sourcesFromEnvironment())
  // The etcd of Debian 12 is older than this API server wants.
  const etcd = await startEtcd({ sources: ['debian13'] })
  const token = randomUUID()
  const server = await startServer(kubernetesKind(etcd.url, token, await createTlsFiles()), sources).catch(
    async (thrown: unknown) => {
      await etcd.close()
      throw thrown
    },
  )
  const close = async (): Promise<void> => {
    await server.close()
    await etcd.close()
  }
  return {
    ...server,
    token,
    get pid() {
      return server.pid
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function kubernetesKind(etcdUrl: string, token: string, tls: TlsFiles): ServerKind {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const files = {
    'cert.pem': tls.cert,
    'key.pem': tls.key,
    'accounts.key': String(privateKey.export({ type: 'pkcs1', format: 'pem' })),
    'accounts.pub': String(publicKey.export({ type: 'spki', format: 'pem' })),
    'tokens.csv': `${token},admin,1,system:masters\n`,
  }
  return {
    name: 'kubernetes',
    label: 'kube-apiserver',
    ports: ['main'],
    special: true,
    tls,
    readyMs: 60_000,
    advice: 'install Go, with which it is built',
    parseUrl: (url) => {
      const { hostname, port } = new URL(url)
      return { host: hostname, port: Number(port || 6443) }
    },
    urls: (host, ports) => ({ url: `https://${host}:${ports['main']}`, urls: {} }),
    async findLocal() {
      const command = await commandOnPath('kube-apiserver')
      return command === undefined ? undefined : { command, home: '' }
    },
    install: async () => ({ command: await kubeApiserver(), home: '', version: KUBERNETES_VERSION }),
    local: ({ command }, place) => ({ files, server: { command, args: flags(place, etcdUrl) } }),
    docker: undefined,
    ping: () => pingWith(token, tls.ca),
  }
}

function flags({ folder, listen, ports }: Place, etcdUrl: string): readonly string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${listen}`,
    `--secure-port=${ports['main']}`,
    `--tls-cert-file=${folder}/cert.pem`,
    `--tls-private-key-file=${folder}/key.pem`,
    `--cert-dir=${folder}/certs`,
    `--service-account-key-file=${folder}/accounts.pub`,
    `--service-account-signing-key-file=${folder}/accounts.key`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--token-auth-file=${folder}/tokens.csv`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--disable-admission-plugins=ServiceAccount',
  ]
}

const pingWith =
  (token: string, ca: string): Ping =>
  async (endpoint, signal) => {
    const ready = await get(endpoint, '/readyz', token, ca, signal)
    if (ready !== 'ok') throw new Error(`not ready: ${ready}`)
    const { gitVersion } = JSON.parse(await get(endpoint, '/version', token, ca, signal)) as { gitVersion?: string }
    return gitVersion ?? 'unknown'
  }

function get({ host, port }: Endpoint, path: string, token: string, ca: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = { authorization: `Bearer ${token}` }
  const asked = request(
    { host, port, path, ca, headers, signal, agent: false },
    (response) => void text(response).then(resolve, reject),
  )
  asked.once('error', reject)
  asked.end()
  return promise
}
