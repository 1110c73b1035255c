export { AdapterProxies } from './adapter-proxies.ts'
export { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
export { FAULT_PROXY_DEFAULTS, type FaultProxyOptions, type FaultProxyTarget } from './options.ts'
