import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { AuthenticationError, ConfigurationError } from '@comm/core'
import type { TlsOptions } from '@comm/core/tls'
import { parse } from 'yaml'
import { type Cluster, tokenFrom } from './credentials.ts'
import type { ResolvedKubernetes } from './options.ts'

interface Named {
  readonly name: string
  readonly [key: string]: unknown
}

interface ClusterEntry {
  readonly server?: string
  readonly 'certificate-authority'?: string
  readonly 'certificate-authority-data'?: string
  readonly 'tls-server-name'?: string
  readonly 'insecure-skip-tls-verify'?: boolean
}

interface UserEntry {
  readonly token?: string
  readonly tokenFile?: string
  readonly 'client-certificate'?: string
  readonly 'client-certificate-data'?: string
  readonly 'client-key'?: string
  readonly 'client-key-data'?: string
  readonly exec?: ExecEntry
}

interface ExecEntry {
  readonly command: string
  readonly args?: readonly string[] | null
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null
  readonly apiVersion: string
}

interface ContextEntry {
  readonly cluster: string
  readonly user?: string
  readonly namespace?: string
}

/**
 * Reads a kubeconfig file (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1). Files that it names are relative to it.
 * @throws ConfigurationError
 */
export async function readKubeconfig(file: string, options: ResolvedKubernetes): Promise<Cluster> {
  const problem = (what: string, cause?: unknown): ConfigurationError =>
    new ConfigurationError(`the kubeconfig ${file} ${what}`, cause === undefined ? {} : { cause })
  let config: Readonly<Record<string, unknown>>
  try {
    config = parse(await readFile(file, 'utf8')) as Readonly<Record<string, unknown>>
  } catch (cause) {
    const text =
      (cause as NodeJS.ErrnoException).code === undefined ? 'is no YAML' : `cannot be read: ${(cause as Error).message}`
    throw problem(`${text}. Outside a pod, say where the cluster is: kubeconfig, or server and token`, cause)
  }
  const find = <Entry>(list: string, key: string, name: unknown): Entry => {
    const entries = (config?.[list] ?? []) as readonly Named[]
    const entry = entries.find((each) => each.name === name)?.[key]
    if (entry === undefined)
      throw problem(`has no ${key} ${JSON.stringify(name)}; it has ${entries.map((each) => each.name).join(', ') || 'none'}`)
    return entry as Entry
  }
  const context = find<ContextEntry>('contexts', 'context', options.context ?? config?.['current-context'])
  const cluster = find<ClusterEntry>('clusters', 'cluster', context.cluster)
  const user = context.user === undefined ? {} : find<UserEntry>('users', 'user', context.user)
  if (cluster.server === undefined) throw problem(`says no server for the cluster ${context.cluster}`)
  if (cluster['insecure-skip-tls-verify']) {
    throw problem(
      'turns the check of the server’s certificate off (insecure-skip-tls-verify): name its certificate-authority instead',
    )
  }
  const path = (name: string | undefined): string | undefined => (name === undefined ? undefined : resolve(dirname(file), name))
  const tokenFile = path(user.tokenFile)
  const source = { ...(user.token === undefined ? {} : { token: user.token }), ...(tokenFile === undefined ? {} : { tokenFile }) }
  return {
    server: cluster.server,
    namespace: options.namespace ?? context.namespace ?? 'default',
    tls: tlsOf(cluster, user, path),
    token: user.exec === undefined ? tokenFrom('the tokenFile of the kubeconfig', source) : tokenOf(user.exec),
  }
}

function tlsOf(cluster: ClusterEntry, user: UserEntry, path: (name: string | undefined) => string | undefined): TlsOptions {
  const text = (data: string | undefined): string | undefined =>
    data === undefined ? undefined : Buffer.from(data, 'base64').toString()
  const options = {
    ca: text(cluster['certificate-authority-data']),
    caFile: path(cluster['certificate-authority']),
    serverName: cluster['tls-server-name'],
    cert: text(user['client-certificate-data']),
    certFile: path(user['client-certificate']),
    key: text(user['client-key-data']),
    keyFile: path(user['client-key']),
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

/** Of a new token, so much of its time is left unused. */
const EARLY_MS = 30_000

/** Tokens by a command, as clouds give them (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins). */
function tokenOf({ command, args, env, apiVersion }: ExecEntry): Cluster['token'] {
  let known: { readonly token: string; readonly until: number } | undefined
  return async (refused) => {
    if (known !== undefined && known.token !== refused && Date.now() < known.until) return known.token
    const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } })
    const own = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]))
    try {
      const { stdout } = await promisify(execFile)(command, [...(args ?? [])], {
        env: { ...process.env, ...own, KUBERNETES_EXEC_INFO: info },
        timeout: 30_000,
      })
      const { status } = JSON.parse(stdout) as { status: { token: string; expirationTimestamp?: string } }
      const until =
        status.expirationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(status.expirationTimestamp) - EARLY_MS
      known = { token: status.token, until }
      return status.token
    } catch (cause) {
      const why =
        cause instanceof SyntaxError ? 'it printed no ExecCredential' : `code ${String((cause as { code?: unknown }).code)}`
      throw new AuthenticationError(`the command ${command} of the kubeconfig gave no token: ${why}`, { retryable: true })
    }
  }
}
