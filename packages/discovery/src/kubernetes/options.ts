import { type Clock, serverUrl, systemClock } from '@comm/core'
import { checkArgument, checkOptions, nonEmptyText, number, object, secret, withDefaults, withMethods } from '@comm/core/options'
import { checkTls, type TlsOptions } from '@comm/core/tls'

export interface KubernetesOptions {
  /** @default that of the pod, or of the kubeconfig's context, else 'default' */
  readonly namespace?: string
  /** The API server, with `token` or `tokenFile`, instead of what the pod or a kubeconfig says: `https://10.0.0.1:6443`. */
  readonly server?: string
  readonly token?: string
  /** Read again for every request, so that a rotated one needs no restart. */
  readonly tokenFile?: string
  /** With `server`. */
  readonly ssl?: TlsOptions
  /** A kubeconfig file. @default in a pod its service account, else the variable KUBECONFIG, else `~/.kube/config` */
  readonly kubeconfig?: string
  /** Of the kubeconfig. @default its current one */
  readonly context?: string
  /** Where a pod finds its service account. @default '/var/run/secrets/kubernetes.io/serviceaccount' */
  readonly serviceAccountFolder?: string
  /** The name of the port of a service that is called. @default its first */
  readonly portName?: string
  /** How long the API server holds a watch before it ends it in good order. @default 300000 */
  readonly watchMs?: number
  /** A watch that is silent for longer is opened anew; bookmarks come about once a minute. @default 90000 */
  readonly idleMs?: number
  /** How long the answer to a list, or the beginning of a watch, may take. @default 5000 */
  readonly requestTimeoutMs?: number
  /** @default systemClock */
  readonly clock?: Clock
}

type Defaulted = 'serviceAccountFolder' | 'watchMs' | 'idleMs' | 'requestTimeoutMs' | 'clock'

export const KUBERNETES_DEFAULTS: Readonly<Required<Pick<KubernetesOptions, Defaulted>>> = Object.freeze({
  serviceAccountFolder: '/var/run/secrets/kubernetes.io/serviceaccount',
  watchMs: 300_000,
  idleMs: 90_000,
  requestTimeoutMs: 5000,
  clock: systemClock,
})

export type ResolvedKubernetes = KubernetesOptions & Required<Pick<KubernetesOptions, Defaulted>>

/** @throws ConfigurationError */
export function resolveKubernetes(options: KubernetesOptions): ResolvedKubernetes {
  checkOptions<KubernetesOptions>('KubernetesRegistry', options, {
    namespace: nonEmptyText,
    server: serverUrl("an API server's URL, such as 'https://10.0.0.1:6443'", 'https:', 'http:'),
    token: secret(nonEmptyText),
    tokenFile: nonEmptyText,
    ssl: object,
    kubeconfig: nonEmptyText,
    context: nonEmptyText,
    serviceAccountFolder: nonEmptyText,
    portName: nonEmptyText,
    watchMs: number({ min: 1000 }),
    idleMs: number({ min: 100 }),
    requestTimeoutMs: number({ above: 0 }),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  })
  if (options.ssl !== undefined) checkTls('KubernetesRegistry.ssl', options.ssl)
  for (const key of ['token', 'tokenFile', 'ssl'] as const) {
    if (options[key] === undefined) continue
    checkArgument('KubernetesRegistry.server', options.server, {
      expected: `given where ${key} is`,
      accepts: (value) => value !== undefined,
    })
  }
  return Object.freeze(withDefaults<KubernetesOptions, Defaulted>(KUBERNETES_DEFAULTS, options))
}
