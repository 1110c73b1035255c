import { type AdapterErrors, adapterErrors } from '@comm/messaging/adapter'

export const ERRORS: AdapterErrors = adapterErrors('Kafka')
