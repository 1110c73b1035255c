import { parseArgs } from 'node:util'
import { Account } from './account.ts'
import { failingPaymentsChapter } from './chapters/failing-payments.ts'
import { flakyHandlerChapter } from './chapters/flaky-handler.ts'
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
account.line('Four services, real HTTP, the embedded broker; each keeps a log, all in this process.')

const services = await startServices(journal)
const customer = new Customer(services.orders.server.url)
const scene = { account, services, journal, customer }
for (const chapter of [orderChapter, failingPaymentsChapter, flakyHandlerChapter, poisonMessageChapter]) await chapter(scene)

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

function stayUp({ users, payments, orders, notifications }: Services): void {
  const post = (url: string, body: string): string => `  curl -s ${url} -H 'content-type: application/json' -d '${body}'`
  console.log(`
The services stay up; try:
${post(`${orders.server.url}/orders`, '{"userId":"1","amount":42}')}
  curl -s ${notifications.server.url}/mails
  curl -s ${users.server.url}/users/2
  curl -s ${orders.server.url}/health
${post(`${payments.server.url}/faults`, '{"outOfOrder":true}')}
Ctrl-C stops them.`)

  const stop = async (): Promise<void> => {
    for (const { manager } of [orders, users, payments, notifications]) await manager.shutdown()
    await customer[Symbol.asyncDispose]()
    console.log('\nstopped')
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}
