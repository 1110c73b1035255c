import { type AdapterErrors, adapterErrors } from '@comm/messaging/adapter'

export const kafkaErrors: AdapterErrors = adapterErrors('Kafka')
