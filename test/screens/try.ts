import { buildTown, NOW } from '/tmp/wt-screens/test/screens/town.js'
import { onTerminal } from '/tmp/wt-screens/test/support/terminal.js'
const town = await buildTown()
const prog='node --import ./test/screens/stopped-clock.mjs dist/kubectl-active_passive.cjs '
for (const [columns, args] of [[80,'status -n shop'],[120,'status -n shop'],[80,'status -A'],[80,'status shop/db'],[80,'status shop/queue'],[80,'status shop/search'],[80,'history shop/db'],[80,'check -n shop'],[80,'switchover shop/db --dry-run'],[80,'status shop/cache']] as const) {
  const t = onTerminal(prog+args, {columns, env:{KUBECONFIG: town.path, NOW, NO_COLOR:'1'}})
  const code = await t.done
  console.log(`$ ${columns} ${args} -> ${code}`); console.log(t.screen().replaceAll('\r\n','\n'))
}
await town.close(); process.exit(0)
