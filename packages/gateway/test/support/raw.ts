import { connect, type Socket } from 'node:net'
import { waitFor } from '@comm/testkit'

/** A connection whose bytes a test writes and reads itself. */
export class RawConnection implements AsyncDisposable {
  readonly socket: Socket
  received = ''
  isEnded = false
  isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (piece: string) => {
      this.received += piece
    })
    socket.on('end', () => {
      this.isEnded = true
    })
    socket.on('close', () => {
      this.isClosed = true
    })
    socket.on('error', () => undefined)
  }

  static to(url: string, options: { readonly allowHalfOpen?: boolean } = {}): Promise<RawConnection> {
    const { port } = new URL(url)
    return new Promise((resolve, reject) => {
      const socket = connect({ port: Number(port), host: '127.0.0.1', ...options })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawConnection(socket)))
    })
  }

  write(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** What has come, once it has this in it. */
  async until(text: string): Promise<string> {
    await waitFor(() => this.received.includes(text), {
      what: `${JSON.stringify(text)} in ${JSON.stringify(this.received)}`,
    })
    return this.received
  }

  /** What has come until the other side closed. */
  async untilClosed(): Promise<string> {
    await waitFor(() => this.isEnded || this.isClosed, { what: 'the end of the connection' })
    return this.received
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    return Promise.resolve()
  }
}
