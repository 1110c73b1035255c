import { ValidationError } from '@comm/core'

export interface Mail {
  readonly to: string
  readonly text: string
}

export interface Confirmation {
  readonly to: string
  readonly locale: string
  readonly orderId: string
}

type Template = (orderId: string) => string

/** Writes confirmations in the languages it has a template for, and hands them to a mail server (here: a list). */
export class Mailer {
  readonly sent: Mail[] = []
  readonly #templates = new Map<string, Template>([['en', (orderId) => `Thank you for order ${orderId}.`]])
  #outages = 0

  /** The mail server refuses the next mails. */
  failNext(times: number): void {
    this.#outages = times
  }

  addTemplate(locale: string, template: Template): void {
    this.#templates.set(locale, template)
  }

  send({ to, locale, orderId }: Confirmation): void {
    const template = this.#templates.get(locale)
    if (template === undefined)
      throw new ValidationError(`there is no mail template for the language '${locale}'; add one and replay`)
    if (this.#outages > 0) {
      this.#outages--
      throw new Error('the mail server does not answer')
    }
    this.sent.push({ to, text: template(orderId) })
  }
}
