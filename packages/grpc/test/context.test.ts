import {
  type AccessToken,
  AuthenticationError,
  CommunicationError,
  currentContext,
  currentPrincipal,
  type Principal,
  type TokenSource,
  withContext,
  withDeadline,
} from '@comm/core'
import { type GrpcCallContext, type IncomingCall, incomingCall, inProcess } from '@comm/grpc'
import { describe, expect, it } from '@jest/globals'
import { timeoutText } from '../src/client/outgoing.ts'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'

type Handler = (request: unknown, context: GrpcCallContext & { signal: AbortSignal }) => Promise<object>

function serving(emptyCall: Handler, options: Parameters<typeof inProcess>[1] = {}): ReturnType<typeof inProcess> {
  return inProcess((server) => server.add(TestServiceDefinition, { emptyCall } as never), options)
}

async function failureOf(call: Promise<unknown>): Promise<CommunicationError> {
  return call.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: unknown) => error as CommunicationError,
  )
}

describe('the call context', () => {
  it('crosses by itself: the correlation id and the time that is left', async () => {
    let seen: { id?: string | undefined; leftMs?: number } = {}
    await using pair = await serving(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      const { correlationId, deadlineAt } = currentContext() ?? {}
      seen = { id: correlationId, leftMs: (deadlineAt ?? Number.NaN) - performance.now() }
      return {}
    })
    const { emptyCall } = pair.client.service(TestServiceDefinition)
    await withContext({ correlationId: 'order-7' }, () => withDeadline(30_000, () => emptyCall({})))
    expect(seen.id).toBe('order-7')
    expect(seen.leftMs).toBeGreaterThan(0)
    expect(seen.leftMs).toBeLessThanOrEqual(30_001)
  })

  it('crosses a chain of services', async () => {
    const ids: unknown[] = []
    await using last = await serving(async () => {
      ids.push(currentContext()?.correlationId)
      return {}
    })
    await using first = await serving(async () => {
      ids.push(currentContext()?.correlationId)
      return last.client.service(TestServiceDefinition).emptyCall({})
    })
    await withContext({ correlationId: 'chain-1' }, () => first.client.service(TestServiceDefinition).emptyCall({}))
    expect(ids).toEqual(['chain-1', 'chain-1'])
  })

  it('makes an id for who sends none, or a forged one, and tells it', async () => {
    let made: string | undefined
    await using pair = await serving(async () => {
      made = currentContext()?.correlationId
      return {}
    })
    const { emptyCall } = pair.client.service(TestServiceDefinition)
    for (const metadata of [{}, { 'x-correlation-id': 'two words' }]) {
      let told: unknown
      await emptyCall({}, { metadata, onHeader: (header) => (told = header.get('x-correlation-id')) })
      expect(told).toBe(made)
      expect(made).toMatch(/^[\da-f-]{36}$/)
    }
  })

  it('gives the deadline of the outermost caller the last word', async () => {
    await using pair = await serving(
      (_request, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({}))),
    )
    const { emptyCall } = pair.client.service(TestServiceDefinition)
    const inherited = await failureOf(withDeadline(30, () => emptyCall({})))
    expect(inherited).toMatchObject({ code: 'COMM_DEADLINE_EXCEEDED', details: { limit: 'deadline' } })
    const own = await failureOf(emptyCall({}, { timeoutMs: 30 }))
    expect(own).toMatchObject({ code: 'COMM_TIMEOUT', details: { limitMs: 30 } })
  })

  it('ends what a service does when its caller gives up', async () => {
    let seen: { aborted?: boolean | undefined; reason?: unknown } = {}
    const begun = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    await using pair = await serving(async () => {
      const signal = currentContext()?.signal
      begun.resolve()
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
      seen = { aborted: signal?.aborted, reason: CommunicationError.from(signal?.reason).code }
      ended.resolve()
      return {}
    })
    const controller = new AbortController()
    const call = failureOf(pair.client.service(TestServiceDefinition).emptyCall({}, { signal: controller.signal }))
    await begun.promise
    controller.abort(new Error('enough'))
    expect(await call).toMatchObject({ code: 'COMM_ABORTED', cause: new Error('enough') })
    await ended.promise
    expect(seen).toEqual({ aborted: true, reason: 'COMM_ABORTED' })
  })

  it('leaves no listener on a signal that outlives its calls', async () => {
    await using pair = await serving(async () => ({}))
    const { signal } = new AbortController()
    const { emptyCall } = pair.client.service(TestServiceDefinition)
    let added = 0
    let removed = 0
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      added++
      addEventListener.apply(signal, args)
    }
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      removed++
      removeEventListener.apply(signal, args)
    }
    for (let times = 0; times < 5; times++) await emptyCall({}, { signal })
    expect(added).toBeGreaterThan(0)
    expect(removed).toBe(added)
  })

  it('writes timeouts of at most eight digits', () => {
    expect([0.2, 1500, 99_999_999, 1e8, 1e12].map(timeoutText)).toEqual(['1m', '1500m', '99999999m', '100000S', '99999999S'])
  })
})

describe('authentication', () => {
  const ada: Principal = { subject: 'ada', method: 'test', scopes: [], roles: [], attributes: {} }
  const authenticate = (call: IncomingCall): Principal => {
    if (call.header('authorization') !== 'Bearer good') throw new AuthenticationError('a wrong token')
    return ada
  }

  it('lets in whom the server knows, and says who it is', async () => {
    let seen: unknown
    const handler: Handler = async (_request, { call }) => {
      seen = [currentPrincipal(), call.principal, incomingCall()?.method]
      return {}
    }
    await using pair = await serving(handler, { server: { authenticate } })
    const { emptyCall } = pair.client.service(TestServiceDefinition)
    await emptyCall({}, { metadata: { authorization: 'Bearer good' } })
    expect(seen).toEqual([ada, ada, 'grpc.testing.TestService/EmptyCall'])
    expect(await failureOf(emptyCall({}))).toMatchObject({ code: 'COMM_AUTHENTICATION' })
  })

  it('sends the token of a source, and another once when it is refused', async () => {
    const tokens = ['old', 'good']
    const refused: string[] = []
    const source: TokenSource = {
      token: () => ({ value: tokens[0] as string, type: 'Bearer' }),
      refused: ({ value }: AccessToken) => {
        refused.push(value)
        tokens.shift()
      },
    }
    await using pair = await serving(async () => ({}), { server: { authenticate }, client: { auth: source } })
    const { emptyCall } = pair.client.service(TestServiceDefinition)
    expect(await emptyCall({})).toEqual({})
    expect(await emptyCall({})).toEqual({})
    expect(refused).toEqual(['old'])
  })
})
