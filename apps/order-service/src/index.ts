export { type OrderCreated, orderCreated } from './events.ts'
export type { Order } from './place-order.ts'
export { createOrderService, type OrderService, type OrderServiceOptions } from './service.ts'
