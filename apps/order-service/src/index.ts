export { type NewOrder, type Order, orderContract } from './contract.ts'
export { type OrderCreated, orderCreated } from './events.ts'
export { createOrderService, type OrderService, type OrderServiceOptions } from './service.ts'
