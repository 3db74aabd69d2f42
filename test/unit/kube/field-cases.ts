/**
 * What each field of a kubeconfig does: what is sent for it, or why nothing is. kubectl does the same, unless `differs`
 * says what it does, or does not, instead.
 *
 * In the texts, `$PORT` is the API server's and `$HTTP` and `$SOCKS` are proxies that lead there, whatever the name.
 */
import { testCert, testKey } from '../../support/tls.js'
import {
  answers,
  base64,
  clientCertificate,
  EXEC,
  folderOf,
  plugin,
  type Recorder,
  startRecorder,
  trusted,
} from './support.js'

export interface Case {
  readonly name: string
  readonly cluster?: object
  readonly user?: object | null
  readonly context?: object
  /** Beside clusters, users and contexts, or in their place. */
  readonly top?: object
  /** The headers that say who sends, `NAME: VALUE` each; CERTIFICATE where one is shown. */
  readonly sends?: readonly string[]
  /** Nothing is sent, as this is wrong. */
  readonly refused?: string
  /** It is no error of the kubeconfig, but there is no answer: the server is not trusted, or not reached. */
  readonly fails?: true
  readonly differs?: string
}

const TOKEN = ['authorization: Bearer t']
export const CERTIFICATE = 'a client certificate'

const EXTENSIONS = [{ name: 'other.example', extension: { any: [1] } }]
const login = (exec: object) => ({ exec: { ...EXEC, command: './login', ...exec } })
const PLUGIN = ['authorization: Bearer from-plugin']
const noData = { 'certificate-authority-data': '' }
const PROXIED = { server: 'https://api.example.invalid:$PORT', 'tls-server-name': 'localhost' }

const TOP: Readonly<Record<string, readonly Case[]>> = {
  kind: [
    { name: 'Config', top: { kind: 'Config' }, sends: TOKEN },
    { name: 'another', top: { kind: 'Pod' }, refused: 'is of kind Pod, apiVersion v1: a kubeconfig is a Config of v1' },
  ],
  apiVersion: [
    { name: 'v1', top: { apiVersion: 'v1' }, sends: TOKEN },
    { name: 'another', top: { apiVersion: 'v2' }, refused: 'is of kind Config, apiVersion v2' },
  ],
  preferences: [{ name: 'means nothing', top: { preferences: { colors: true } }, sends: TOKEN }],
  extensions: [{ name: 'mean nothing', top: { extensions: EXTENSIONS }, sends: TOKEN }],
  'current-context': [
    { name: 'is used', sends: TOKEN },
    { name: 'is not there', top: { 'current-context': 'old' }, refused: 'current-context "old" is not in it' },
    { name: 'is none', top: { 'current-context': 7 }, refused: 'current-context must be a text, not a number' },
  ],
  clusters: [
    {
      name: 'no list',
      top: { clusters: {} },
      refused: 'clusters must be a list, not a mapping',
    },
    { name: 'of the same name', top: { clusters: [{ name: 'a' }, { name: 'a' }] }, refused: 'two of the name "a"' },
  ],
  users: [
    { name: 'no list', top: { users: 'me' }, refused: 'users must be a list, not a text' },
    { name: 'of the same name', top: { users: [{ name: 'a' }, { name: 'a' }] }, refused: 'two of the name "a"' },
    {
      name: 'the user is not there',
      top: { users: [] },
      refused: 'names user "test", which is not in it',
    },
  ],
  contexts: [
    { name: 'no list', top: { contexts: true }, refused: 'contexts must be a list, not true or false' },
    { name: 'of the same name', top: { contexts: [{ name: 'a' }, { name: 'a' }] }, refused: 'two of the name "a"' },
  ],
  unknown: [{ name: 'is not looked at', top: { what: 1 }, user: { token: 't', what: 1 }, sends: TOKEN }],
}

const CLUSTER: Readonly<Record<string, readonly Case[]>> = {
  server: [
    { name: 'with a slash at its end', cluster: { server: 'https://127.0.0.1:$PORT/' }, sends: TOKEN },
    { name: 'is not there', cluster: { server: null }, refused: 'cluster "test": it has no server' },
    {
      name: 'without a scheme',
      cluster: { server: '127.0.0.1:$PORT' },
      refused: 'is no http:// or https:// URL',
    },
  ],
  'tls-server-name': [
    { name: 'is in the certificate', cluster: { 'tls-server-name': 'localhost' }, sends: TOKEN },
    { name: 'is not', cluster: { 'tls-server-name': 'kubernetes.example' }, fails: true },
  ],
  'insecure-skip-tls-verify': [
    {
      name: 'trusts anybody',
      cluster: { 'certificate-authority-data': '', 'insecure-skip-tls-verify': true },
      sends: TOKEN,
    },
    {
      name: 'beside an authority',
      cluster: { 'insecure-skip-tls-verify': true },
      refused: 'certificate-authority is of no use with insecure-skip-tls-verify: remove one of them',
    },
    {
      name: 'is a text',
      cluster: { 'insecure-skip-tls-verify': 'true' },
      refused: 'cluster "test": insecure-skip-tls-verify must be true or false, not a text',
    },
    { name: 'is false', cluster: { 'certificate-authority-data': '', 'insecure-skip-tls-verify': false }, fails: true },
  ],
  'certificate-authority': [
    { name: 'a file', cluster: { ...noData, 'certificate-authority': 'ca' }, sends: TOKEN },
    { name: 'is not there', cluster: { ...noData, 'certificate-authority': 'no' }, refused: 'ENOENT' },
  ],
  'certificate-authority-data': [
    { name: 'is trusted', cluster: trusted, sends: TOKEN },
    {
      name: 'beside a file',
      cluster: { 'certificate-authority': 'ca' },
      refused: 'certificate-authority and certificate-authority-data are both set: remove one of them',
    },
    {
      name: 'is no base64',
      cluster: { 'certificate-authority-data': '!!!' },
      refused: 'cluster "test": certificate-authority-data is no base64',
    },
    {
      name: 'is no certificate',
      cluster: { 'certificate-authority-data': base64('hello') },
      refused: 'certificate-authority is no PEM',
    },
  ],
  'proxy-url': [
    { name: 'HTTP', cluster: { ...PROXIED, 'proxy-url': 'http://$HTTP' }, sends: TOKEN },
    { name: 'SOCKS', cluster: { ...PROXIED, 'proxy-url': 'socks5://$SOCKS' }, sends: TOKEN },
    {
      name: 'another',
      cluster: { 'proxy-url': 'ftp://me:secret@proxy' },
      refused: 'cluster "test": proxy-url is no http://, https:// or socks5:// URL',
    },
    { name: 'without a scheme', cluster: { 'proxy-url': '$HTTP' }, refused: 'proxy-url is no http://' },
  ],
  'disable-compression': [
    { name: 'means nothing', cluster: { 'disable-compression': true }, sends: TOKEN },
    { name: 'is a text', cluster: { 'disable-compression': 'yes' }, refused: 'disable-compression must be true or' },
  ],
  extensions: [
    { name: 'mean nothing', cluster: { extensions: EXTENSIONS }, sends: TOKEN },
    {
      name: 'of the same name',
      cluster: { extensions: [...EXTENSIONS, ...EXTENSIONS] },
      refused: 'has two of the name',
    },
    { name: 'no list', cluster: { extensions: {} }, refused: 'extensions must be a list, not a mapping' },
  ],
}

const forPlugins = (extension: unknown) => ({ extensions: [{ name: 'client.authentication.k8s.io/exec', extension }] })
const V1BETA1 = 'client.authentication.k8s.io/v1beta1'

/** What a plugin is told of the cluster, as KUBERNETES_EXEC_INFO: of these, in the same words as by kubectl. */
export const PLUGIN_CASES: readonly Case[] = [
  { name: 'its address and authority' },
  { name: 'nothing, unless it asks', user: login({ provideClusterInfo: false }) },
  { name: 'in its version', user: login({ apiVersion: V1BETA1, interactiveMode: '', provideClusterInfo: true }) },
  { name: 'that nobody is there', user: login({ interactiveMode: 'IfAvailable', provideClusterInfo: true }) },
  { name: 'its extension', cluster: forPlugins({ z: [1, null], project: { name: 'team-a' } }) },
  { name: 'a text as its extension', cluster: forPlugins('shop') },
  { name: 'no extension of others', cluster: { extensions: EXTENSIONS } },
  { name: 'an authority in a file', cluster: { ...noData, 'certificate-authority': 'ca' } },
  { name: 'a name', cluster: { 'tls-server-name': 'localhost' } },
  { name: 'whom to trust', cluster: { ...noData, 'insecure-skip-tls-verify': true } },
  { name: 'a proxy', cluster: { 'proxy-url': 'http://$HTTP' } },
  { name: 'a slash at its end', cluster: { server: 'https://127.0.0.1:$PORT/' } },
  { name: 'not to compress', cluster: { 'disable-compression': true } },
]

const USER: Readonly<Record<string, readonly Case[]>> = {
  'client-certificate': [
    { name: 'a file', user: { 'client-certificate': 'cert', 'client-key': 'key' }, sends: [CERTIFICATE] },
    { name: 'without a key', user: { 'client-certificate': 'cert' }, refused: 'are of use only together' },
    { name: 'beside data', user: { ...clientCertificate, 'client-certificate': 'cert' }, refused: 'are both set' },
    { name: 'is not there', user: { 'client-certificate': 'no', 'client-key': 'key' }, refused: 'ENOENT' },
  ],
  'client-certificate-data': [
    { name: 'is shown', user: clientCertificate, sends: [CERTIFICATE] },
    {
      name: 'is no certificate',
      user: { ...clientCertificate, 'client-certificate-data': base64('x') },
      refused: 'user "test": client-certificate and client-key: error:',
    },
  ],
  'client-key': [
    {
      name: 'without a certificate',
      user: { token: 't', 'client-key': 'key' },
      refused: 'client-certificate and client-key are of use only together',
      differs: 'does not look at it',
    },
    { name: 'is not there', user: { 'client-certificate': 'cert', 'client-key': 'no' }, refused: 'ENOENT' },
  ],
  'client-key-data': [
    { name: 'beside a file', user: { ...clientCertificate, 'client-key': 'key' }, refused: 'are both set' },
    { name: 'is no base64', user: { 'client-key-data': 'a' }, refused: 'user "test": client-key-data is no base64' },
  ],
  token: [
    { name: 'is sent', user: { token: 't' }, sends: TOKEN },
    { name: 'beside a certificate', user: { token: 't', ...clientCertificate }, sends: [...TOKEN, CERTIFICATE] },
    {
      name: 'is a number',
      user: { token: 12345 },
      refused: 'user "test": token must be a text, not a number: put it in quotes',
    },
    { name: 'in two lines', user: { token: 'secret\nline' }, refused: 'token holds a control character' },
    { name: 'in two words', user: { token: 'ä b' }, sends: ['authorization: Bearer ä b'] },
  ],
  tokenFile: [
    { name: 'is read', user: { tokenFile: 'token' }, sends: ['authorization: Bearer from-file'] },
    {
      name: 'goes before a token',
      user: { tokenFile: 'token', token: 't' },
      sends: ['authorization: Bearer from-file'],
    },
    { name: 'is not there', user: { tokenFile: 'no' }, refused: 'user "test": tokenFile: ENOENT' },
    { name: 'is empty', user: { tokenFile: 'empty' }, refused: 'is empty' },
    { name: 'has two lines', user: { tokenFile: 'two' }, refused: '/two holds more than one line' },
    { name: 'beside a user', user: { tokenFile: 'token', username: 'me' }, refused: 'tokenFile and username are both' },
  ],
  as: [
    { name: 'somebody', user: { token: 't', as: 'jörg' }, sends: [...TOKEN, 'impersonate-user: jörg'] },
    { name: 'nobody', user: { token: 't', as: '' }, sends: TOKEN },
    {
      name: 'a blank',
      user: { token: 't', as: ' ' },
      refused: 'user "test": as is blank: set it to the user to act as, or remove it',
      differs: 'sends it, and the API server takes it for none: the token itself acts',
    },
    { name: 'in two lines', user: { as: 'a\nb' }, refused: 'user "test": as holds a control character' },
    { name: 'a list', user: { as: ['a'] }, refused: 'user "test": as must be a text, not a list' },
  ],
  'as-uid': [
    {
      name: 'is sent',
      user: { token: 't', as: 'a', 'as-uid': '4711' },
      sends: [...TOKEN, 'impersonate-uid: 4711', 'impersonate-user: a'],
    },
    { name: 'without as', user: { 'as-uid': '4711' }, refused: 'user "test": as-uid without as: set as to the user' },
    {
      name: 'a number',
      user: { as: 'a', 'as-uid': 4711 },
      refused: 'user "test": as-uid must be a text, not a number',
    },
  ],
  'as-groups': [
    {
      name: 'are sent one by one',
      user: { token: 't', as: 'a', 'as-groups': ['x, y', 'z', ''] },
      sends: [
        ...TOKEN,
        'impersonate-group: x, y',
        'impersonate-group: z',
        'impersonate-group: ',
        'impersonate-user: a',
      ],
    },
    { name: 'none', user: { token: 't', 'as-groups': [] }, sends: TOKEN },
    {
      name: 'without as',
      user: { token: 't', 'as-groups': ['system:masters'] },
      refused: 'user "test": as-groups without as: set as to the user to act as, or remove as-groups',
    },
    { name: 'one text', user: { as: 'a', 'as-groups': 'x' }, refused: 'user "test": as-groups must be a list' },
    { name: 'a number', user: { as: 'a', 'as-groups': [1] }, refused: 'user "test": as-groups[0] must be a text' },
    { name: 'in two lines', user: { as: 'a', 'as-groups': ['x', 'y\r'] }, refused: 'as-groups holds a control' },
  ],
  'as-user-extra': [
    {
      name: 'is sent value by value, its keys encoded',
      user: {
        token: 't',
        as: 'a',
        'as-user-extra': { reason: ['pager', 'night'], Reason: ['x'], 'Example.com/who%': ['me'], ü: ['ö'], none: [] },
      },
      sends: [
        ...TOKEN,
        'impersonate-extra-%c3%bc: ö',
        'impersonate-extra-example.com%2fwho%25: me',
        'impersonate-extra-reason: night',
        'impersonate-extra-reason: pager',
        'impersonate-extra-reason: x',
        'impersonate-user: a',
      ],
    },
    {
      name: 'without as, even where it holds no value',
      user: { token: 't', 'as-user-extra': { reason: [] }, 'as-uid': '1' },
      refused: 'user "test": as-uid, as-user-extra without as',
    },
    {
      name: 'one text',
      user: { as: 'a', 'as-user-extra': { reason: 'pager' } },
      refused: 'user "test": as-user-extra.reason must be a list, not a text',
    },
  ],
  username: [
    { name: 'is sent', user: { username: 'mé', password: 'p' }, sends: [`authorization: Basic ${base64('mé:p')}`] },
    { name: 'alone', user: { username: 'me' }, sends: [`authorization: Basic ${base64('me:')}`] },
    { name: 'beside a token', user: { username: 'me', token: 't' }, refused: 'token and username are both set' },
  ],
  password: [
    { name: 'alone', user: { password: 'p' }, refused: 'user "test": password without username' },
    { name: 'beside a token', user: { password: 'p', token: 't' }, refused: 'token and password are both set' },
  ],
  'auth-provider': [
    {
      name: 'is refused',
      user: { 'auth-provider': { name: 'oidc', config: {} } },
      refused: 'user "test": auth-provider "oidc" is not supported: use an exec credential plugin',
    },
    {
      name: 'with the name of a field',
      user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile: 'token' } } },
      refused: 'auth-provider "tokenFile" is not supported',
    },
    {
      name: 'beside exec',
      user: { 'auth-provider': { name: 'oidc' }, ...login({}) },
      refused: 'auth-provider and exec',
    },
  ],
  exec: [
    { name: 'is run', user: login({}), sends: PLUGIN },
    { name: 'is not run beside a token', user: { token: 't', ...login({ command: './no' }) }, sends: TOKEN },
    {
      name: 'is not run beside a password',
      user: { username: 'me', ...login({}) },
      sends: [`authorization: Basic ${base64('me:')}`],
    },
    { name: 'is not run beside a certificate', user: { ...clientCertificate, ...login({}) }, sends: [CERTIFICATE] },
    { name: 'acts as another', user: { as: 'a', ...login({}) }, sends: [...PLUGIN, 'impersonate-user: a'] },
  ],
  extensions: [{ name: 'mean nothing', user: { token: 't', extensions: EXTENSIONS }, sends: TOKEN }],
}

const EXEC_CASES: Readonly<Record<string, readonly Case[]>> = {
  command: [
    { name: 'is not there', user: login({ command: '' }), refused: 'its credential plugin "" can\'t be found' },
    { name: 'can not be found', user: login({ command: './no' }), refused: "can't be found, or may not be executed" },
  ],
  args: [
    { name: 'are given', user: login({ args: ['-'] }), sends: ['authorization: Bearer from-plugin-'] },
    { name: 'a number', user: login({ args: [1] }), refused: 'user "test": exec.args[0] must be a text, not a number' },
  ],
  env: [
    {
      name: 'is set',
      user: login({ env: [{ name: 'REGION', value: '-eu' }] }),
      sends: ['authorization: Bearer from-plugin-eu'],
    },
    {
      name: 'without a name',
      user: login({ env: [{ value: 'x' }] }),
      refused: 'exec.env has a variable without a name',
    },
  ],
  apiVersion: [
    { name: 'is not there', user: login({ apiVersion: '' }), refused: 'exec.apiVersion "" is none of' },
    {
      name: 'of old',
      user: login({ apiVersion: 'client.authentication.k8s.io/v1alpha1' }),
      refused: 'exec.apiVersion "client.authentication.k8s.io/v1alpha1" is none of client.authentication.k8s.io/v1, ',
    },
  ],
  installHint: [
    {
      name: 'is told where the command is not there',
      user: login({ command: './no', installHint: 'Get it\nfrom \u001b[1mher.' }),
      refused: '. Get it from [1mher.',
    },
  ],
  provideClusterInfo: [{ name: 'is obeyed', user: login({ provideClusterInfo: true }), sends: PLUGIN }],
  interactiveMode: [
    { name: 'IfAvailable', user: login({ interactiveMode: 'IfAvailable' }), sends: PLUGIN },
    { name: 'is not there', user: login({ interactiveMode: '' }), refused: 'exec.interactiveMode is not set' },
    { name: 'another', user: login({ interactiveMode: 'never' }), refused: 'exec.interactiveMode "never" is none of' },
    { name: 'Always', user: login({ interactiveMode: 'Always' }), refused: 'there is nobody to answer here' },
  ],
}

const CONTEXT: Readonly<Record<string, readonly Case[]>> = {
  cluster: [
    {
      name: 'is not there',
      context: { cluster: 'old' },
      refused: 'context "test" names cluster "old", which is not in it',
    },
  ],
  user: [{ name: 'is not there', user: null, sends: [], differs: 'asks for a name and a password' }],
  namespace: [{ name: 'is used', context: { namespace: 'shop' }, sends: TOKEN }],
  extensions: [{ name: 'mean nothing', context: { extensions: EXTENSIONS }, sends: TOKEN }],
}

export const CASES = { '': TOP, cluster: CLUSTER, user: USER, exec: EXEC_CASES, context: CONTEXT }

/** All of them, for a test each. */
export const ALL_CASES = Object.entries(CASES).flatMap(([part, fields]) =>
  Object.entries(fields).flatMap(([field, cases]) =>
    cases.map((one) => [`${part} ${field}: ${one.name}`.trim(), one] as const),
  ),
)

/** With a plugin that asks for the cluster, and notes what it is told in a file `info`. */
export const withPlugin = (one: Case): Case => ({ user: login({ provideClusterInfo: true }), ...one })

/** Writes the kubeconfig of a case, and what it may name, and starts the API server that it leads to. */
export async function enact({ cluster, user, context, top }: Case, proxies: Readonly<Record<string, string>>) {
  const server = await startRecorder('tls')
  const text = JSON.stringify({
    clusters: [{ name: 'test', cluster: { server: server.url, ...trusted, ...cluster } }],
    users: user === null ? [] : [{ name: 'test', user: user ?? { token: 't' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', ...(user !== null && { user: 'test' }), ...context } }],
    'current-context': 'test',
    ...top,
  })
  const placed = Object.entries({ $PORT: `${server.port}`, ...proxies }).reduce((t, [a, b]) => t.replaceAll(a, b), text)
  const folder = await folderOf({
    config: placed,
    ca: testCert,
    cert: testCert,
    key: testKey,
    token: 'from-file\n',
    empty: '\n',
    two: 'one\ntwo\n',
    login: plugin(
      `echo "$KUBERNETES_EXEC_INFO" > "$(dirname "$0")/info"\n${answers({ token: 'from-plugin$1$REGION' })}`.replace(
        "'END'",
        'END',
      ),
    ),
  })
  return { server, kubeconfig: `${folder}/config` }
}

/** What of the request says who sends it, in an order of its own. */
export function identityIn({ headers, seen }: Recorder, request = 0): string[] {
  const about = (headers[request] ?? []).filter(([name]) => name === 'authorization' || name.startsWith('impersonate-'))
  const texts = about.map(([name, value]) => `${name}: ${Buffer.from(value, 'latin1')}`)
  return [...texts, ...(seen[request]?.certificate ? [CERTIFICATE] : [])].sort()
}
