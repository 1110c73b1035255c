import { brokerContract, pipelineSuite } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { RabbitUnderTest } from '../support/rabbit-under-test.ts'

const rabbit = await RabbitUnderTest.start()
afterAll(() => rabbit.close())
const quorum = rabbit.broker('RabbitMQ')

brokerContract({ describe, it, afterAll }, quorum)
pipelineSuite({ describe, it, afterAll }, quorum)
