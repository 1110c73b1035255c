import { brokerContract, supportInReadme } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { RabbitUnderTest } from '../support/rabbit-under-test.ts'

const rabbit = await RabbitUnderTest.start()
afterAll(() => rabbit.close())

// An exchange of its own: the groups' queues of the other runs are of another type.
const classic = rabbit.broker('RabbitMQ, classic queues', { exchange: 'classic', queueType: 'classic', maxPriority: 9 })
brokerContract({ describe, it, afterAll }, { ...classic, report: supportInReadme(new URL('../../README.md', import.meta.url)) })
