import { downBecause, type Health, UP, withTimeLimit } from '@comm/core'
import { Lifetime } from '../adapter/lifetime.ts'
import { refusal } from '../adapter/refusal.ts'
import type { Registry, RegistryFeatures, ServiceInstance, Watch } from '../registry.ts'
import { instancesOf } from './endpoint-slice.ts'
import { GONE, KubernetesApi } from './kubernetes-api.ts'
import { KubernetesWatch } from './kubernetes-watch.ts'
import { type KubernetesOptions, type ResolvedKubernetes, resolveKubernetes } from './options.ts'

const FEATURES: RegistryFeatures = Object.freeze({
  // The cluster does that, from the probes of the pods.
  registers: false,
  watches: 'push',
  expires: false,
  durable: true,
  keeps: Object.freeze(['zone'] as const),
})

/** Asked for a health check. */
const ANY_SERVICE = 'health'

/**
 * The pods behind a Kubernetes Service, by its EndpointSlices: listed and watched. Needs the verbs `list` and `watch` for `endpointslices` of
 * the group `discovery.k8s.io`. Only read.
 */
export class KubernetesRegistry implements Registry {
  readonly system = 'kubernetes'
  readonly where: string
  readonly features: RegistryFeatures = FEATURES
  readonly register: Registry['register']
  readonly renew: Registry['renew']
  readonly deregister: Registry['deregister']
  readonly #options: ResolvedKubernetes
  readonly #api: KubernetesApi
  readonly #life: Lifetime

  /** @throws ConfigurationError; credentials are looked for at the first use */
  constructor(options: KubernetesOptions = {}) {
    this.#options = resolveKubernetes(options)
    const { server, kubeconfig } = this.#options
    this.where =
      server === undefined
        ? `Kubernetes${kubeconfig === undefined ? '' : ` of ${kubeconfig}`}`
        : `Kubernetes at ${new URL(server).host}`
    this.#life = new Lifetime(this.where)
    this.register =
      this.renew =
      this.deregister =
        refusal(this.#life, 'in Kubernetes: the cluster lists the pods behind a Service by their probes')
    this.#api = new KubernetesApi(this.#options, this.where)
  }

  resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    return this.#life.run(signal, async (either) => {
      for (;;) {
        const { status, list } = await this.#api.list(service, either)
        if (status !== GONE) return instancesOf(service, list.items, this.#options.portName)
      }
    })
  }

  watch(service: string): Watch {
    this.#life.check()
    const watch = new KubernetesWatch(this.#api, this.#options, service)
    return { run: (onList, signal) => this.#life.run(signal, (either) => watch.run(onList, either)) }
  }

  async health(signal: AbortSignal): Promise<Health> {
    const { clock, requestTimeoutMs } = this.#options
    try {
      await withTimeLimit(
        clock,
        requestTimeoutMs,
        signal,
        (limit) => this.resolve(ANY_SERVICE, limit),
        `${this.where} did not answer`,
      )
      return UP
    } catch (thrown) {
      return downBecause(thrown)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.end()
    await this.#api.close()
  }
}
