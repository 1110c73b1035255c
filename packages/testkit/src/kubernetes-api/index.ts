export { type KubernetesApiOptions, type KubernetesApiServer, startKubernetesApi } from './kubernetes-api.ts'
export { putSlices, type SliceWriter, sliceOf } from './put-slices.ts'
