import assert from 'node:assert/strict'
import { CommunicationError, currentContext, ServiceUnavailableError, TimeoutError, withContext, withDeadline } from '@comm/core'
import type { PipelineCase } from '../case.ts'

export const requests: readonly PipelineCase[] = [
  {
    id: 'request.reply',
    title: 'a request is answered once, whichever responder of the group takes it',
    needs: ['groups'],
    run: async (context) => {
      const [asking, ...answering] = await Promise.all([context.client(), context.client(), context.client()])
      const topic = await context.topic()
      const spy = context.spy((body) => ({ twice: Number(body) * 2 }))
      for (const client of answering) await client.respond(topic, spy)
      const replies = await Promise.all([1, 2, 3, 4].map((number) => asking.request<{ twice: number }>(topic, number)))
      assert.deepEqual(
        replies.map(({ twice }) => twice),
        [2, 4, 6, 8],
      )
      assert.equal(spy.calls.length, 4)
    },
  },
  {
    id: 'request.error',
    title: 'what the responder throws reaches the requester as an error of its code; foreign errors do not tell what is inside',
    needs: ['groups'],
    run: async (context) => {
      const [asking, answering] = await Promise.all([context.client(), context.client()])
      const topic = await context.topic()
      const spy = context
        .spy()
        .fails(1, new ServiceUnavailableError('the warehouse is closed'))
        .fails(1, new Error('password is hunter2'))
      await answering.respond(topic, spy)
      await assert.rejects(asking.request(topic, 1), (error: unknown) => {
        assert(error instanceof ServiceUnavailableError)
        assert.match(error.message, /the warehouse is closed/)
        return error.code === 'COMM_SERVICE_UNAVAILABLE' && error.retryable && error.details['remote'] === true
      })
      await assert.rejects(asking.request(topic, 1), (error: unknown) => {
        assert(error instanceof CommunicationError)
        return error.code === 'COMM_UNKNOWN' && !error.message.includes('hunter2')
      })
      assert.equal(spy.calls.length, 2, 'a request is not retried by the responder')
    },
  },
  {
    id: 'request.nobody',
    title: 'a request that nobody takes fails at once',
    needs: ['detectsUnroutable'],
    run: async (context) => {
      const client = await context.client()
      await assert.rejects(client.request(await context.topic(), 1), { code: 'COMM_UNROUTABLE' })
    },
  },
  {
    id: 'request.timeout',
    title: 'a request that is not answered in time fails, and says whose time was up',
    needs: ['groups'],
    run: async (context) => {
      const [asking, answering] = await Promise.all([context.client(), context.client()])
      const topic = await context.topic()
      await answering.respond(topic, () => new Promise(() => undefined))
      await assert.rejects(
        asking.request(topic, 1, { timeoutMs: 100 }),
        (error: unknown) => error instanceof TimeoutError && error.code === 'COMM_TIMEOUT',
      )
      await assert.rejects(
        withDeadline(100, () => asking.request(topic, 1)),
        { code: 'COMM_DEADLINE_EXCEEDED' },
      )
    },
  },
  {
    id: 'request.context',
    title: 'correlation and deadline cross over to the responder',
    needs: ['groups'],
    run: async (context) => {
      const [asking, answering] = await Promise.all([context.client(), context.client()])
      const topic = await context.topic()
      await answering.respond(topic, (_, meta) => ({
        correlationId: currentContext()?.correlationId,
        remainingMs: meta.remainingMs(),
      }))
      const reply = await withContext({ correlationId: 'order-7' }, () =>
        asking.request<{ correlationId: string; remainingMs: number }>(topic, 1, { timeoutMs: 60_000 }),
      )
      assert.equal(reply.correlationId, 'order-7')
      assert(reply.remainingMs > 0 && reply.remainingMs <= 60_000, `${reply.remainingMs} ms are left of 60000`)
    },
  },
  {
    id: 'request.abort',
    title: 'when the requester gives up, the signal of the responder aborts',
    needs: ['groups'],
    run: async (context) => {
      const [asking, answering] = await Promise.all([context.client(), context.client()])
      const topic = await context.topic()
      const aborted = Promise.withResolvers<unknown>()
      const spy = context.spy(
        (_, { signal }) => new Promise(() => signal.addEventListener('abort', () => aborted.resolve(signal.reason))),
      )
      await answering.respond(topic, spy)
      const controller = new AbortController()
      const asked = asking.request(topic, 1, { signal: controller.signal })
      await context.called(spy, 1)
      controller.abort(new Error('the user went away'))
      await assert.rejects(asked, { code: 'COMM_ABORTED', cause: controller.signal.reason })
      const reason = await aborted.promise
      assert(reason instanceof CommunicationError && reason.code === 'COMM_ABORTED')
      await context.waitFor('the request to be settled', () => answering.stats.inFlight === 0)
      assert.equal(answering.stats.consumed, 1, 'an aborted request is not delivered again')
    },
  },
  {
    id: 'request.undecodable',
    title: 'a request that cannot be read is answered with an error',
    needs: ['groups', 'headers'],
    run: async (context) => {
      const codec = { contentType: 'application/odd', encode: () => new Uint8Array([1]), decode: (): unknown => undefined }
      const [asking, answering] = await Promise.all([context.client({ codecs: [codec] }), context.client()])
      const topic = await context.topic()
      const spy = context.spy()
      await answering.respond(topic, spy)
      await assert.rejects(asking.request(topic, new Uint8Array(), { contentType: codec.contentType }), {
        code: 'COMM_UNDECODABLE',
      })
      assert.equal(spy.calls.length, 0)
    },
  },
]
