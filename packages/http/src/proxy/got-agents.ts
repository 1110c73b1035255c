import { type AgentOptions, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

/** Node's own connections, direct or through one proxy; with a proxy for https: they are tunnels. */
export interface AgentPair {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

/** @param proxy its URL, with its credentials */
export function agentPair(options: AgentOptions, proxy?: string): AgentPair {
  const through = proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }
  return { http: new HttpAgent({ ...options, ...through }), https: new HttpsAgent({ ...options, ...through }) }
}
