import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, readText, tokenFrom } from './credentials.ts'
import type { ResolvedKubernetes } from './options.ts'

/**
 * What the options say; else the pod's service account; else a kubeconfig
 * (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod).
 * @throws ConfigurationError
 */
export async function findCluster(options: ResolvedKubernetes): Promise<Cluster> {
  const { server, kubeconfig, namespace = 'default', ssl = {} } = options
  if (server !== undefined) return { server, namespace, tls: ssl, token: tokenFrom('KubernetesRegistry.tokenFile', options) }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443', KUBECONFIG: fromEnvironment } = process.env
  if (kubeconfig === undefined && host !== undefined && (await isThere(join(options.serviceAccountFolder, 'token')))) {
    return inCluster(options, host, port)
  }
  // With it comes a parser of YAML, which a pod does not need.
  const { readKubeconfig } = await import('./kubeconfig.ts')
  return readKubeconfig(kubeconfig ?? fromEnvironment?.split(':')[0] ?? join(homedir(), '.kube/config'), options)
}

async function inCluster(options: ResolvedKubernetes, host: string, port: string): Promise<Cluster> {
  const folder = options.serviceAccountFolder
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: options.namespace ?? (await readText('the namespace of the service account', join(folder, 'namespace'))),
    tls: { caFile: join(folder, 'ca.crt') },
    token: tokenFrom('the token of the service account', { tokenFile: join(folder, 'token') }),
  }
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
