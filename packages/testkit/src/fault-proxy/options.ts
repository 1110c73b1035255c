import { nonEmptyText, number, object, type Rules, required } from '@comm/core/options'

export interface FaultProxyTarget {
  readonly host: string
  readonly port: number
}

export interface FaultProxyOptions {
  /** Where connections are passed on to. */
  readonly target: FaultProxyTarget
  /** @default 0, a free one */
  readonly port?: number
  /** @default '127.0.0.1' */
  readonly host?: string
}

export const FAULT_PROXY_DEFAULTS: Readonly<Required<Omit<FaultProxyOptions, 'target'>>> = Object.freeze({
  port: 0,
  host: '127.0.0.1',
})

const port = { min: 0, max: 65_535, integer: true } as const

export const FAULT_PROXY_RULES: Rules<FaultProxyOptions> = {
  target: required(object),
  port: number(port),
  host: nonEmptyText,
}

export const TARGET_RULES: Rules<FaultProxyTarget> = {
  host: required(nonEmptyText),
  port: required(number({ ...port, min: 1 })),
}
