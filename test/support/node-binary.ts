/** Other versions of Node than the one that runs the tests, from the npm registry, kept in the user's cache. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, makeOnce } from './cluster/cache.js'

const run = promisify(execFile)

/** What the registry says of `node-linux-<arch>` at a version. */
const INTEGRITY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '12.22.12': {
    x64: 'sha512-Js5l9fOJQHPnRXFTxYWSE2Kg7gZ7Wk2jZoNIQvRIaxu4Xq5G9Jphzzjc78fojANnRIsT4VoUyZiycxtnK1yM4w==',
  },
  '14.21.3': {
    x64: 'sha512-k/VWAKHK4/zX06VcFJrOKtlEEuO18S4MurFvde3LwQxOX1K1jXF2R6UGpx0pxzNF1A+yCD32kTbaMwbfekXVHg==',
    arm64: 'sha512-gw8d6yE/4TYLrDR4Gu/OJ9cHm2NUx3VZmWtcDn+W2uuKWDt55mriAProCIX4jPQFr6NUM+lcpUyNi5gDqIuzQg==',
  },
  '16.20.2': {
    x64: 'sha512-oxOhUQeRI8VP2S933KzppWoQTXE/bhs3rskxrAXQA0xfIoy+WqVx47oe6upUsCqORfvAHcbdf9k+1iFyZnceqQ==',
    arm64: 'sha512-MyXYLwR55kL8fh4+T/pnLFltiys/aQ0QYtT5PZuiiQBksWRCP28LWRACZhFHGPG+jlSxzZDKwRFAjdNY3DaB0Q==',
  },
  '18.20.8': {
    x64: 'sha512-JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww==',
    arm64: 'sha512-xTMJYtLdLjIimh8zRpgUDFsNknLP72AT/QWEQmeyDOM1/Gqj/GZn/MlbA+zWSjSMBxQscYvgFpq3qERMEcFEUA==',
  },
  '20.19.0': {
    x64: 'sha512-HzVYgEgabV/n3nP2F9mcxS0Nxgg99jynX9CMovakLmSYTuTdQRbbtw0yadY8+qKcqXfiDAtb2hmtR7nDPzclGA==',
    arm64: 'sha512-kT7jX7frbsrMrXMsBaFt3Th1SWs5VjxTzd0U8vxcmdCFkaqeu5hFK0+QoYfIo5drmr3DmwJfLtO2gnD/7hNE/Q==',
  },
  '22.23.5': {
    x64: 'sha512-3jhC+wcoWxKZxcRqF2sUSl0c9HEXFnur/nuIPx6O6CWKV0jOUWQm7Htw5SuXqqlMCEhi0cJqybFPEb5hhcBiMw==',
    arm64: 'sha512-e1LOUGKVruPGuLVutn8+Cgm5pI1APm4Kvh+zbb/qe/ZpD9s+TQby5iUgZOWmPpbSKpj0Td8DP1N0NEnXasHizg==',
  },
  '24.22.3': {
    x64: 'sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==',
    arm64: 'sha512-IZx0J52/1NDwAsY2iyWR9nlPIYuYviTWetjj8+ElvYQh2+XRhLfCfkbFEF/2O5vGI2hcUbyPNHV+nz342FbJXw==',
  },
  '26.10.0': {
    x64: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    arm64: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
  },
}

/** All versions of Node that `nodeBinary` knows, from the oldest. Not every one is there for every processor. */
export const NODE_VERSIONS: readonly string[] = Object.keys(INTEGRITY).filter(
  (version) => INTEGRITY[version]?.[process.arch] !== undefined,
)

/** Whether this program runs on it. */
export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 20 || (major === 20 && minor >= 19)
}

/**
 * The path of Node's binary in the cache. It is downloaded if it is not there yet.
 * @throws Error when the registry cannot be reached, or has something else under this version
 */
export async function nodeBinary(version: string, arch: string = process.arch): Promise<string> {
  const name = `node-linux-${arch}`
  const folder = join(cacheFolder(), `node-${version}-${arch}`)
  await makeOnce(folder, async (unfinished) => {
    const { stdout } = await run('npm', ['pack', `${name}@${version}`, '--json', '--pack-destination', unfinished])
    const [packed] = JSON.parse(stdout) as [{ filename: string; integrity: string }]
    if (packed.integrity !== INTEGRITY[version]?.[arch]) {
      throw new Error(`${name}@${version}: the registry's ${packed.integrity} is not what we know of it`)
    }
    const archive = join(unfinished, packed.filename)
    await run('tar', ['xzf', archive, '-C', unfinished, '--strip-components=1', 'package/bin/node'])
    await rm(archive)
  })
  return join(folder, 'bin', 'node')
}
