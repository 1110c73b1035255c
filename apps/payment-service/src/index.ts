export { Ledger, type Payment } from './ledger.ts'
export { createPaymentService, type PaymentService, type PaymentServiceOptions } from './service.ts'
