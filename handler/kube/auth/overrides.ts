/** Puts the parts that the user names on the command line in place of the kubeconfig's, one by one, as kubectl does. */
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { UsageError } from '../../util/errors.js'
import { type KubeUser, toKubeConfig } from './kubeconfig.js'

export interface Overrides {
  /** A cluster of the kubeconfig, in place of the context's. */
  readonly cluster?: string | undefined
  /** A user of the kubeconfig, in place of the context's. */
  readonly user?: string | undefined
  /** The user to act as. The kubeconfig's groups, uid and extra fields stay, as with kubectl. */
  readonly as?: string | undefined
  /** The groups to act in; none: the kubeconfig's. */
  readonly asGroup?: readonly string[]
}

/** Whether a cluster is named, so that no context is needed. */
export function isOverridden({ cluster }: Overrides): boolean {
  return cluster !== undefined
}

/**
 * Changes the current context of the configuration, and its user.
 * @param origin where it comes from, for errors
 * @throws UsageError with what there is, for a name that is not in it
 */
export function override(config: KubeConfig, { cluster, user, as, asGroup = [] }: Overrides, origin: string): void {
  if (cluster !== undefined) find('cluster', cluster, config.clusters, origin)
  if (user !== undefined) find('user', user, config.users, origin)
  if (cluster !== undefined || user !== undefined) {
    const name = config.getCurrentContext() ?? ''
    const given = config.contexts.find((one) => one.name === name)
    if (!given && cluster === undefined) return // checkConfig says that there is no context
    const context = { ...given, name, cluster: cluster ?? given?.cluster ?? '', ...(user !== undefined && { user }) }
    config.contexts = [context, ...config.contexts.filter((one) => one !== given)] as typeof config.contexts
    config.setCurrentContext(name)
  }
  if (as !== undefined || asGroup.length > 0) impersonate(config, as, asGroup)
}

function find(kind: 'cluster' | 'user', name: string, all: readonly { readonly name: string }[], origin: string): void {
  if (all.some((one) => one.name === name)) return
  const names = all.map((one) => one.name).join(', ') || 'none'
  throw new UsageError(`--${kind} ${name}: not in ${origin}, which has: ${names}`)
}

function impersonate(config: KubeConfig, as: string | undefined, groups: readonly string[]): void {
  const context = config.getContextObject(config.getCurrentContext())
  if (!context || (context.user && !config.getCurrentUser())) return // checkConfig says what is missing
  const user: KubeUser = config.getCurrentUser() ?? anonymous(context.user ?? '')
  const given = user.given
  if (as === undefined && !given?.as) {
    throw new UsageError(
      `--as-group without --as, and the kubeconfig's user ${JSON.stringify(user.name)} has no as: give the user to act as, too`,
    )
  }
  const changed = { ...given, ...(as !== undefined && { as }), ...(groups.length > 0 && { 'as-groups': groups }) }
  config.users = [{ ...user, given: changed } as KubeUser, ...config.users.filter((one) => one.name !== user.name)]
  Object.assign(context, { user: user.name })
}

/** A user without credentials: a context may have none. */
function anonymous(name: string): KubeUser {
  const [user] = toKubeConfig({ users: [{ name, user: {} }] }, '').users
  return user as KubeUser
}
