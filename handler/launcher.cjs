// What every bin and `node handler` load first. It loads the program, or says that this Node is too old for it: the
// program has syntax that an old Node cannot even read. build.mjs defines OLDEST_NODE, and Node 8 can read this file.
'use strict'

const [major, minor] = process.versions.node.split('.').map(Number)
const [oldestMajor, oldestMinor] = OLDEST_NODE.split('.').map(Number)

if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) {
  require('./program.cjs')
} else {
  const found = `this is ${process.version} (${process.execPath})`
  console.error(`active-passive needs Node ${OLDEST_NODE} or newer; ${found}`)
  process.exitCode = 2
}
