import { parseArgs } from 'node:util'
import { Account } from './account.ts'
import { failingPaymentsChapter } from './chapters/failing-payments.ts'
import { flakyHandlerChapter } from './chapters/flaky-handler.ts'
import { identitiesChapter } from './chapters/identities.ts'
import { orderChapter } from './chapters/order.ts'
import { poisonMessageChapter } from './chapters/poison-message.ts'
import { shutdownChapter } from './chapters/shutdown.ts'
import { Customer } from './customer.ts'
import { Journal } from './journal.ts'
import { type Services, startServices } from './services.ts'

const USAGE = `usage: demo [--once] [--json]
  --once  run the scenes, stop the services, exit 0 only if everything shown really happened
  --json  like --once, the account as one JSON document`

const { once, json } = options()
const startedAt = performance.now()
const account = new Account({ json })
const journal = new Journal()
account.line(
  'A gateway in front of four services in a mesh, real HTTP, gRPC and mutual TLS, the embedded broker and registry, all in this process.',
)

const services = await startServices(journal)
const token = await services.identityProvider.token('ada', 'orders:write users:read')
const customer = new Customer(services.gateway.server.url, token)
const scene = { account, services, journal, customer }
const chapters = [orderChapter, identitiesChapter, failingPaymentsChapter, flakyHandlerChapter, poisonMessageChapter]
for (const chapter of chapters) await chapter(scene)

if (once) {
  await shutdownChapter(scene)
  await customer[Symbol.asyncDispose]()
  account.conclude(performance.now() - startedAt)
  if (!json) console.log(account.succeeded ? 'demo: ok' : 'demo: FAILED')
  process.exitCode = account.succeeded ? 0 : 1
} else {
  account.conclude(performance.now() - startedAt)
  stayUp(services)
}

function options(): { once: boolean; json: boolean } {
  try {
    // pnpm passes the `--` of `pnpm demo -- --once` on.
    const args = process.argv.slice(2).filter((argument) => argument !== '--')
    const { values } = parseArgs({
      args,
      options: { once: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
    })
    if (values.help) {
      console.log(USAGE)
      process.exit(0)
    }
    return { once: values.once === true || values.json === true, json: values.json === true }
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    process.exit(2)
  }
}

function stayUp({ users, payments, orders, notifications, gateway }: Services): void {
  console.log(`
The services stay up, and take calls of each other and of the gateway; try, within ten minutes:
  TOKEN=${token}
  curl -s ${gateway.server.url}/api/v1/orders -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"userId":"1","amount":42}'
  curl -s ${gateway.server.url}/api/v1/users/2 -H "authorization: Bearer $TOKEN"
  curl -s ${gateway.server.url}/api/v1/users/2
  curl -s ${gateway.server.url}/health
  curl -s ${notifications.server.url}/mails
  curl -s ${notifications.server.url}/asyncapi.json
Ctrl-C stops them.`)

  const stop = async (): Promise<void> => {
    for (const { manager } of [gateway, orders, users, payments, notifications]) await manager.shutdown()
    await customer[Symbol.asyncDispose]()
    console.log('\nstopped')
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}
