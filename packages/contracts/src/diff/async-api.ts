import { type AnySchema, at as pointed } from './alternatives.ts'
import type { Findings, Flow } from './findings.ts'

type Node = Readonly<Record<string, unknown>>

/** What of an AsyncAPI 3 document breaks those who send to the application or receive from it. */
export function compareAsyncApi(before: Node, after: Node, findings: Findings): void {
  const [was, is] = [new Application(before), new Application(after)]
  for (const address of was.addresses) if (!is.addresses.has(address)) findings.add('channel-removed', address, 'is gone')
  for (const [key, operation] of was.operations) {
    if (!is.addresses.has(operation.address)) continue
    const other = is.operations.get(key)
    if (other === undefined) findings.add('operation-removed', key, 'is gone')
    else compareMessages(key, operation, other, findings)
  }
}

function compareMessages(at: string, before: Operation, after: Operation, findings: Findings): void {
  const flow: Flow = before.action === 'send' ? 'out' : 'in'
  for (const [name, message] of before.messages) {
    // One message has no other that it could be taken for.
    const other =
      after.messages.get(name) ??
      (before.messages.size === 1 && after.messages.size === 1 ? [...after.messages.values()][0] : undefined)
    if (other === undefined) findings.add('message-removed', `${at} message ${name}`, 'is gone')
    else {
      const [was, is] = [message['contentType'], other['contentType']]
      if (was !== undefined && was !== is) findings.add('content-type', at, `is ${is ?? 'of no content type'} now, was ${was}`)
      findings.compare(flow, `${at} payload`, schemaOf(message['payload']), schemaOf(other['payload']))
      findings.compare(flow, `${at} headers`, schemaOf(message['headers']), schemaOf(other['headers']))
    }
  }
  if (flow === 'out' && before.messages.size > 1) {
    for (const name of after.messages.keys())
      if (!before.messages.has(name)) findings.add('message-added', `${at} message ${name}`, 'is new')
  }
}

interface Operation {
  readonly action: unknown
  readonly address: string
  readonly messages: ReadonlyMap<string, Node>
}

/** The channels and operations of a document, by what others know of them: addresses. */
class Application {
  readonly addresses: ReadonlySet<string>
  readonly operations: ReadonlyMap<string, Operation>
  readonly #root: Node

  constructor(root: Node) {
    this.#root = root
    this.addresses = new Set(entries(root['channels']).map(([key, channel]) => addressOf(key, this.#follow(channel).node)))
    this.operations = new Map(
      entries(root['operations']).map(([, given]) => {
        const operation = this.#operation(this.#follow(given).node)
        return [`${operation.action} ${operation.address}`, operation]
      }),
    )
  }

  #operation({ action, channel, messages }: Node): Operation {
    const { node: found, name } = this.#follow(channel)
    const own = Array.isArray(messages)
      ? messages.map((each) => this.#follow(each))
      : entries(found['messages']).map(([key, each]) => ({ ...this.#follow(each), name: key }))
    return { action, address: addressOf(name, found), messages: new Map(own.map((each) => [each.name, each.node])) }
  }

  /** Where a reference leads in the end, and the name that is has first. */
  #follow(found: unknown): { readonly node: Node; readonly name: string } {
    let name = ''
    let current = found
    for (let hops = 0; hops < 32; hops++) {
      const { $ref } = Object(current) as { readonly $ref?: unknown }
      if (typeof $ref !== 'string') break
      name ||= $ref.split('/').at(-1) ?? ''
      current = pointed(this.#root, $ref)
    }
    return { node: Object(current) as Node, name }
  }
}

function addressOf(key: string, { address }: Node): string {
  return typeof address === 'string' ? address : key
}

function entries(value: unknown): readonly [string, Node][] {
  return Object.entries(Object(value)) as [string, Node][]
}

/** A payload may name the format of its schema. */
function schemaOf(payload: unknown): AnySchema | undefined {
  const { schemaFormat, schema } = Object(payload) as { readonly schemaFormat?: unknown; readonly schema?: AnySchema }
  return schemaFormat === undefined ? (payload as AnySchema | undefined) : schema
}
