import type { Setup } from '@comm/bench/area'
import { childGateway } from '../child-gateway.ts'
import { PREFIX } from '../under-load.ts'

export const setup: Setup = (input) =>
  childGateway(input, {
    program: String(input.environment.haproxy),
    arguments: ({ file }) => ['-q', '-db', '-f', file],
    configuration: ({ port, service }) => `
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
  unique-id-format %{+X}o\\ %ci%cp%rt
  unique-id-header X-Request-ID
frontend in
  bind 127.0.0.1:${port}
  http-request replace-path ${PREFIX}(/.*) \\1
  default_backend users
backend users
  http-reuse always
  server one ${service.host}
`,
  })
