import 'reflect-metadata'
import type { INestMicroservice } from '@nestjs/common'
import { Controller, Logger, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Ctx, EventPattern, type MicroserviceOptions, Payload } from '@nestjs/microservices'
import type { Order } from '../order.ts'

Logger.overrideLogger(['error', 'warn'])

/**
 * A microservice whose one controller handles the events of a topic. Decorators are called by hand, because sources run with their types
 * taken off and nothing else.
 * @param settled acknowledges, where the transport leaves that to the handler
 */
export async function listen(
  options: MicroserviceOptions,
  topic: string,
  handle: (order: Order) => void,
  settled: (context: never) => void = () => {},
): Promise<INestMicroservice> {
  class Orders {
    created(order: Order, context: never): void {
      handle(order)
      settled(context)
    }
  }
  Controller()(Orders)
  Payload()(Orders.prototype, 'created', 0)
  Ctx()(Orders.prototype, 'created', 1)
  EventPattern(topic)(Orders.prototype, 'created', Object.getOwnPropertyDescriptor(Orders.prototype, 'created') as never)

  class App {}
  Module({ controllers: [Orders] })(App)

  const app = await NestFactory.createMicroservice<MicroserviceOptions>(App, options)
  await app.listen()
  return app
}
