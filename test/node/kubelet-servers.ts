/** Runs in a pod: the server of each row, on its port. */
import { plain } from '../support/odd-servers.js'
import { READY_PORT, ROWS } from './kubelet-rows.js'

const ports = { plain: 0, tls: 0 }
await Promise.all(ROWS.map(({ start, port }) => start?.(ports, '0.0.0.0', port)))
await plain('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')(ports, '0.0.0.0', READY_PORT)
