import { connect } from 'node:tls'

/** Of the certificate that a server on this machine shows to whoever asks for a name. */
export function fingerprint(url: string, servername?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: Number(new URL(url).port),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ...(servername && { servername }),
    })
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}
