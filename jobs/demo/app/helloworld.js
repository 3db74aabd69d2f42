// An application that can be told to fail. `GET /` answers the pod's name; `GET /health` 200, or 500 once it was told to
// fail; `GET /metrics` the same for Prometheus; `GET /alive` 200 as long as it runs.
// To tell it, in a pod:   node helloworld.js fail   (or recover, or hang)
// With FAIL_AT_RANDOM=0.001 it begins to fail by itself, at one health check in a thousand, for FAIL_SECONDS (120).
const { createServer, request } = require('node:http')
const { hostname } = require('node:os')

const modes = ['recover', 'fail', 'hang']
const { PORT = '8080', FAIL_AT_RANDOM = '0', FAIL_SECONDS = '120' } = process.env
const port = Number(PORT)

function serve() {
  let mode = 'recover'

  const server = createServer(({ method, url }, response) => {
    const path = url.slice(1)
    if (method === 'POST' && modes.includes(path)) {
      mode = path
      response.end(`${hostname()} will ${path}\n`)
    } else if (path === 'alive') {
      response.end('alive\n')
    } else if (mode === 'hang') {
      // No answer, to anything: that is what it was told.
    } else if (path === 'health') {
      if (mode === 'recover' && Math.random() < Number(FAIL_AT_RANDOM)) failForAWhile()
      response.statusCode = mode === 'fail' ? 500 : 200
      response.end(mode === 'fail' ? 'failing\n' : 'healthy\n')
    } else if (path === 'metrics') {
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
      response.end(metrics(mode === 'fail' ? 0 : 1))
    } else {
      response.end(`${hostname()}\n`)
    }
  })

  function failForAWhile() {
    mode = 'fail'
    setTimeout(() => {
      mode = 'recover'
    }, Number(FAIL_SECONDS) * 1000).unref()
  }

  server.listen(port)
  process.on('SIGTERM', () => {
    server.close()
    server.closeAllConnections()
  })
}

function metrics(healthy) {
  return `# HELP helloworld_healthy 1 if /health answers 200, else 0.
# TYPE helloworld_healthy gauge
helloworld_healthy ${healthy}
`
}

function tell(mode) {
  request({ host: '127.0.0.1', port, method: 'POST', path: `/${mode}` }, (answer) => answer.pipe(process.stdout)).end()
}

const [, , word] = process.argv
if (word === undefined) serve()
else if (modes.includes(word)) tell(word)
else {
  console.error(`"${word}" is none of ${modes.join(', ')}`)
  process.exitCode = 2
}
