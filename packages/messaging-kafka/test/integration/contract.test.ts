import { brokerContract, pipelineSuite, supportInReadme } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { KafkaUnderTest } from '../support/kafka-under-test.ts'

const kafka = await KafkaUnderTest.start()
afterAll(() => kafka.close())
const broker = kafka.broker('Kafka')

brokerContract({ describe, it, afterAll }, { ...broker, report: supportInReadme(new URL('../../README.md', import.meta.url)) })
pipelineSuite({ describe, it, afterAll }, broker)
