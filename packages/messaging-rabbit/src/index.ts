export { RabbitMQAdapter } from './adapter.ts'
export { RabbitMQClient, type RabbitMQClientOptions } from './client.ts'
export { RABBITMQ_DEFAULTS, type RabbitMQAdapterOptions } from './options.ts'
export type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration, RabbitMQTopology } from './topology.ts'
