export { KubernetesRegistry } from './kubernetes-registry.ts'
export { KUBERNETES_DEFAULTS, type KubernetesOptions } from './options.ts'
