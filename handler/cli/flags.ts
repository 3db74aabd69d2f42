/**
 * The flags with their text in --help. options.ts says which values they take; settings.ts does so for the settings;
 * commands.ts says which command takes which flag.
 */
import type { FLAG_SETTINGS } from '../settings/settings.js'

export interface Flag {
  readonly alias?: string
  /**
   * `list`: given once for each value. `switch`: true or false, and `--no-NAME`. `mode`: the same, or one of its words
   * behind a `=`.
   */
  readonly kind: 'text' | 'list' | 'switch' | 'mode'
  /** Shown by --help. */
  readonly default?: string
  readonly describe: string
}

/** Which cluster, as which user, and which of its Services: kubectl's own flags, and a few beside them. */
const SCOPE = {
  namespace: {
    kind: 'list',
    alias: 'n',
    default: "the context's or the pod's own",
    describe: 'namespace to serve, once for each',
  },
  'all-namespaces': { kind: 'switch', alias: 'A', describe: 'serve all namespaces' },
  service: {
    kind: 'list',
    default: 'all in scope',
    describe: 'only this Service, NAME or NAMESPACE/NAME, once for each',
  },
  selector: {
    kind: 'text',
    alias: 'l',
    default: 'all in scope',
    describe: 'only Services with these labels, as kubectl: app=db,tier!=test, env in (a,b), a key, !key',
  },
  context: { kind: 'text', describe: 'context of the kubeconfig' },
  kubeconfig: { kind: 'text', default: 'as kubectl; in a pod its service account', describe: 'kubeconfig file' },
  cluster: { kind: 'text', describe: "cluster of the kubeconfig, in place of the context's" },
  user: { kind: 'text', describe: "user of the kubeconfig, in place of the context's" },
  as: { kind: 'text', describe: 'user to act as (impersonation)' },
  'as-group': { kind: 'list', describe: 'group to act as, once for each' },
  'request-timeout': {
    kind: 'text',
    default: '15s for reads, 5s for writes',
    describe: 'limit of one request to the API server: seconds, or 1s, 2m; 0: none',
  },
  'role-label': { kind: 'text', default: 'role', describe: 'label whose values are active and passive' },
  'opt-in': {
    kind: 'switch',
    describe: 'serve only Services annotated with active-passive/managed: "true", and those of the same selector',
  },
} as const satisfies Record<string, Flag>

/** How the command works, and in which form it answers. */
const GENERAL = {
  'dry-run': {
    kind: 'mode',
    describe: 'decide and report, write nothing; --dry-run=server: have the API server try each write, and keep none',
  },
  output: { kind: 'text', alias: 'o', default: 'text', describe: 'text, wide, json or yaml' },
  deadline: { kind: 'text', default: '40s', describe: 'the pass ends by then, whatever hangs; at least 10s' },
  concurrency: { kind: 'text', default: '64', describe: 'probes at once; one that hangs is not counted for long' },
  'max-health-timeout': {
    kind: 'text',
    default: '30s',
    describe: 'most that one probe may take, whatever a Service or a pod asks for; at least 2s',
  },
  'allow-exec': {
    kind: 'switch',
    describe: "run the commands of exec: checks and of exec readinessProbes in the pods' containers",
  },
  panic: {
    kind: 'text',
    default: '50%',
    describe:
      'where our check fails more of the active pods that are Ready (of 5 or more), nothing moves for it; 0: never',
  },
  'notify-url-file': {
    kind: 'text',
    describe: 'file with the URL, http:// or https://, that is told of each handover and of each new trouble by a POST',
  },
} as const satisfies Record<string, Flag>

/** Flags for Services without the annotation of the same name. */
const PER_SERVICE = {
  'health-check': {
    kind: 'text',
    default: 'probe',
    describe:
      'http://:PORT/PATH, https://…, tcp://:PORT, exec: COMMAND, ready, or probe: the readinessProbe; several, one a line',
  },
  'health-timeout': {
    kind: 'text',
    default: '2s',
    describe: 'limit of one probe; by default at least what the readinessProbe allows itself',
  },
  'health-slow': {
    kind: 'text',
    describe: 'a probe that passes but takes longer has failed, such as 500ms; by default none',
  },
  failures: { kind: 'text', default: '3', describe: 'consecutive failures before a pod has failed' },
  probes: { kind: 'text', default: '3', describe: 'probes of a failing pod in one pass' },
  period: { kind: 'text', default: '1s', describe: 'time between those probes' },
  confirm: {
    kind: 'text',
    default: 'none',
    describe: 'ready: a failure of our check counts only while the kubelet finds the pod not Ready as well',
  },
  rise: { kind: 'text', default: '2', describe: 'probes in a row that a pod has to pass to take over after it failed' },
  stable: { kind: 'text', default: '10s', describe: 'pods that have been Ready for so long take over before others' },
  cooldown: {
    kind: 'text',
    default: '30s',
    describe: 'rest before the role returns to a pod that has failed its check, and before a failback; 0s: none',
  },
  latch: { kind: 'switch', default: 'true', describe: 'pin the Service to the old pod while the labels change' },
  settle: { kind: 'text', default: '20ms', describe: 'wait between the last label and the release of the Service' },
} as const satisfies Record<keyof typeof FLAG_SETTINGS, Flag>

/** Flags of the command serve. */
const SERVE = {
  port: { kind: 'text', default: '8080', describe: 'port to listen on' },
  'token-file': {
    kind: 'text',
    describe: 'file with the bearer tokens for POST and /status, one a line; without it only loopback is listened on',
  },
  insecure: { kind: 'switch', describe: 'listen everywhere without a token' },
  'tls-cert': { kind: 'text', describe: 'file with the certificate chain, PEM; renewed files are read again' },
  'tls-key': { kind: 'text', describe: 'file with its key, PEM' },
  interval: { kind: 'text', default: 'none', describe: 'make a pass this often, such as 2s' },
  watch: { kind: 'switch', alias: 'w', describe: 'make a pass as soon as an active pod goes or is not Ready' },
  'log-format': { kind: 'text', default: 'text', describe: 'text or json: the lines of the log, on stderr' },
} as const satisfies Record<string, Flag>

/** Flags of the commands that a person gives. */
const BY_HAND = {
  from: { kind: 'text', describe: 'move the role only if this pod is the active one now' },
  force: {
    kind: 'switch',
    describe: 'even to a pod that fails its check, or inside a cooldown; never against a pause or active-passive/never',
  },
  yes: { kind: 'switch', describe: 'do not ask; without a terminal nobody is asked' },
  for: { kind: 'text', default: 'until resume', describe: 'the pause ends by itself after this time, such as 2h' },
} as const satisfies Record<string, Flag>

const ALL = { ...SCOPE, ...GENERAL, ...PER_SERVICE, ...SERVE, ...BY_HAND }
export type FlagName = keyof typeof ALL
export const FLAGS: Readonly<Record<string, Flag>> = ALL

/** The names of the flags by their sections in --help. */
export const SECTIONS = {
  scope: Object.keys(SCOPE) as readonly FlagName[],
  general: Object.keys(GENERAL) as readonly FlagName[],
  perService: Object.keys(PER_SERVICE) as readonly FlagName[],
  serve: Object.keys(SERVE) as readonly FlagName[],
  byHand: Object.keys(BY_HAND) as readonly FlagName[],
}

/** Variables that are no flags: what is given to a process by a flag, everybody on its machine can read. */
export const VARIABLES: readonly string[] = ['AP_NOTIFY_URL']

export const VARIABLE_PREFIX = 'AP_'

/** The environment variable that stands in for a flag: AP_DRY_RUN for dry-run. */
export function variableOf(name: string): string {
  return `${VARIABLE_PREFIX}${name.toUpperCase().replaceAll('-', '_')}`
}
