/** The screens: commands that people give, and what they type when they are asked. */

export interface Scene {
  /** Of its file in docs/screens. */
  readonly name: string
  readonly args: string
  readonly typed?: string
}

/** Nothing is written: they share a town. */
export const LOOKS: readonly Scene[] = [
  { name: 'status', args: 'status -n shop' },
  { name: 'status-wide', args: 'status -n shop -o wide' },
  { name: 'status-all', args: 'status -A' },
  { name: 'status-healthy', args: 'status shop/db' },
  { name: 'status-failing', args: 'status shop/mail' },
  { name: 'status-cooldown', args: 'status shop/queue' },
  { name: 'status-blocked', args: 'status shop/search' },
  { name: 'status-paused', args: 'status shop/cache' },
  { name: 'status-error', args: 'status shop/typo' },
  { name: 'status-unknown', args: 'status shop/dbb' },
  { name: 'history', args: 'history shop/db' },
  { name: 'history-none', args: 'history shop/mail' },
  { name: 'check', args: 'check -n bank' },
  { name: 'switchover-dry-run', args: 'switchover bank/ledger --dry-run' },
  { name: 'switchover-already', args: 'switchover shop/db db-0' },
  { name: 'switchover-never', args: 'switchover shop/db db-2' },
  { name: 'switchover-not-from', args: 'switchover shop/db --from db-1' },
  { name: 'switchover-paused', args: 'switchover shop/cache' },
  { name: 'switchover-resting', args: 'switchover shop/queue' },
  { name: 'switchover-unhealthy', args: 'switchover shop/mail mail-2' },
  { name: 'switchover-unknown-pod', args: 'switchover shop/db db-4' },
  { name: 'pause-dry-run', args: 'pause shop/db --for 2h --dry-run' },
  { name: 'help', args: '--help' },
  { name: 'help-switchover', args: 'switchover --help' },
  { name: 'wrong-word', args: 'failover shop/db' },
]

/** These write, or are asked whether to. Each has a town of its own. */
export const DEEDS: readonly Scene[] = [
  { name: 'switchover', args: 'switchover shop/db', typed: 'y\n' },
  { name: 'switchover-no', args: 'switchover shop/db', typed: 'n\n' },
  { name: 'switchover-interrupted', args: 'switchover shop/db', typed: '\u0003' },
  { name: 'switchover-end', args: 'switchover shop/db', typed: '\u0004' },
  { name: 'switchover-forced', args: 'switchover shop/mail mail-2 --force --yes' },
  { name: 'pause', args: 'pause shop/db --for 2h' },
  { name: 'resume', args: 'resume shop/cache' },
]
