import { brokerContract, pipelineSuite, supportInReadme } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { RabbitUnderTest } from '../support/rabbit-under-test.ts'

const rabbit = await RabbitUnderTest.start()
afterAll(() => rabbit.close())
const quorum = rabbit.broker('RabbitMQ, quorum queues')

brokerContract({ describe, it, afterAll }, { ...quorum, report: supportInReadme(new URL('../../README.md', import.meta.url)) })
pipelineSuite({ describe, it, afterAll }, quorum)
