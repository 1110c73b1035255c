import type { Expected, RouteConfig } from '../config/route-config.ts'
import type { Question } from './route.ts'

type Test = (value: string | undefined) => boolean

/** What a request must have beside the path and the method. */
export class Conditions {
  readonly #hosts: readonly Test[]
  readonly #headers: readonly (readonly [name: string, test: Test])[]
  readonly #query: readonly (readonly [name: string, test: Test])[]

  private constructor({ hosts = [], headers = {}, query = {} }: RouteConfig) {
    this.#hosts = hosts.map((host) => testOfHost(host.toLowerCase()))
    this.#headers = Object.entries(headers).map(([name, expected]) => [name.toLowerCase(), testOf(expected)])
    this.#query = Object.entries(query).map(([name, expected]) => [name, testOf(expected)])
  }

  /** @returns undefined where there are none */
  static of(config: RouteConfig): Conditions | undefined {
    const { hosts, headers, query } = config
    return hosts === undefined && headers === undefined && query === undefined ? undefined : new Conditions(config)
  }

  hold({ host, asked, search }: Question): boolean {
    if (this.#hosts.length > 0) {
      const name = host.replace(/:\d*$/, '').toLowerCase()
      if (!this.#hosts.some((test) => test(name))) return false
    }
    for (const [name, test] of this.#headers) if (!test(fieldOf(asked.fields, name))) return false
    if (this.#query.length > 0) {
      const parameters = new URLSearchParams(search)
      for (const [name, test] of this.#query) if (!test(parameters.get(name) ?? undefined)) return false
    }
    return true
  }
}

/** @param name in lower case */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2) {
    const own = fields[at] as string
    if (own.length === name.length && own.toLowerCase() === name) return fields[at + 1]
  }
  return undefined
}

function testOf(expected: Expected): Test {
  if (expected === true) return (value) => value !== undefined
  if (typeof expected === 'string') return (value) => value === expected
  const set = new Set(expected)
  return (value) => value !== undefined && set.has(value)
}

function testOfHost(host: string): Test {
  if (!host.startsWith('*.')) return (value) => value === host
  const ending = host.slice(1)
  return (value) => value !== undefined && value.length > ending.length && value.endsWith(ending)
}
