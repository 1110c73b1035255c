import type { Setup } from '@comm/bench/area'
import { childGateway } from '../child-gateway.ts'
import { PREFIX } from '../under-load.ts'

export const setup: Setup = (input) =>
  childGateway(input, {
    program: String(input.environment.nginx),
    arguments: ({ file, folder }) => ['-p', folder, '-c', file, '-e', 'stderr'],
    configuration: ({ port, folder, service }) => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  client_body_buffer_size 128k;
  keepalive_requests 1000000000;
  upstream users { server ${service.host}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location ${PREFIX}/ {
      proxy_pass http://users/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Request-ID $request_id;
      proxy_request_buffering off;
    }
  }
}
`,
  })
