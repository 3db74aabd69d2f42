// The command lines of Kubernetes' programs. They run in the cluster's folder.
import type { Certificate } from './certificates.js'

const serviceCidr = '10.96.0.0/16'
/** Pods of the node n have addresses in 10.244.<n - 1>.0/24. */
export const podCidr = '10.244.0.0/16'
const issuer = 'https://kubernetes.default.svc'

/**
 * etcd listens for the API server on a socket in the folder it runs in: no port to clash over, nobody else to reach it.
 * Both insist on something that looks like a host and a port; `localhost:0` is the socket's file name.
 */
const etcdSocket = 'unix://localhost:0'

/** The peer address goes unused by a single member; the kernel picks its port. */
const etcdPeer = 'http://127.0.0.1:0'

/**
 * The controllers of a cluster without nodes. Left out are those of nodes, volumes, certificates and quotas, and above
 * all podgc, which deletes pods whose node does not exist.
 */
export const controllersWithoutNodes = [
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'root-ca-certificate-publisher-controller',
  'clusterrole-aggregation-controller',
  'validatingadmissionpolicy-status-controller',
  'namespace-controller',
  'garbage-collector-controller',
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'disruption-controller',
  'job-controller',
  'cronjob-controller',
  'endpointslice-controller',
]

/** Every request is logged once it is answered; a watch also when it begins. */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
}

export interface ServiceAccountKeys {
  readonly key: string
  readonly publicKey: string
}

export interface ApiServerOptions {
  readonly port: number
  readonly bindAddress: string
  /** The address of the endpoint of the Service `kubernetes`, for pods; undefined: it has none. */
  readonly advertiseAddress: string | undefined
  readonly caFile: string
  readonly serving: Certificate
  readonly signing: ServiceAccountKeys
  /** What it shows to kubelets. */
  readonly kubeletClient: Certificate
  readonly auditPolicyFile: string
  readonly auditLog: string
}

export interface ControllerManagerOptions {
  readonly kubeconfig: string
  readonly caFile: string
  readonly signing: ServiceAccountKeys
  readonly controllers: readonly string[]
}

/** @param folder where it keeps its data */
export function etcdArguments(folder: string): readonly string[] {
  return [
    `--data-dir=${folder}`,
    '--unsafe-no-fsync',
    // A lone member waits for no votes but for its own timer.
    '--heartbeat-interval=10',
    '--election-timeout=100',
    `--listen-client-urls=${etcdSocket}`,
    `--advertise-client-urls=${etcdSocket}`,
    `--listen-peer-urls=${etcdPeer}`,
    `--initial-advertise-peer-urls=${etcdPeer}`,
    `--initial-cluster=default=${etcdPeer}`,
  ]
}

export function apiServerArguments(options: ApiServerOptions): readonly string[] {
  const { port, bindAddress, advertiseAddress, caFile, serving, signing, kubeletClient } = options
  return [
    `--etcd-servers=${etcdSocket}`,
    // History stays whole: the observer reads past revisions.
    '--etcd-compaction-interval=0',
    `--bind-address=${bindAddress}`,
    `--secure-port=${port}`,
    `--endpoint-reconciler-type=${advertiseAddress ? 'master-count' : 'none'}`,
    // Without an address it would look for a default route, or fail.
    `--advertise-address=${advertiseAddress ?? '192.0.2.1'}`,
    `--tls-cert-file=${serving.certFile}`,
    `--tls-private-key-file=${serving.keyFile}`,
    `--client-ca-file=${caFile}`,
    `--service-account-issuer=${issuer}`,
    `--service-account-key-file=${signing.publicKey}`,
    `--service-account-signing-key-file=${signing.key}`,
    `--service-cluster-ip-range=${serviceCidr}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged',
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-client-certificate=${kubeletClient.certFile}`,
    `--kubelet-client-key=${kubeletClient.keyFile}`,
    `--audit-policy-file=${options.auditPolicyFile}`,
    `--audit-log-path=${options.auditLog}`,
    '--audit-log-mode=blocking',
    // In MB. A log that is rotated would lose requests to whoever counts them.
    '--audit-log-maxsize=8192',
  ]
}

export function controllerManagerArguments(options: ControllerManagerOptions): readonly string[] {
  const { kubeconfig, caFile, signing, controllers } = options
  return [
    `--kubeconfig=${kubeconfig}`,
    `--root-ca-file=${caFile}`,
    `--service-account-private-key-file=${signing.key}`,
    '--use-service-account-credentials',
    `--cluster-cidr=${podCidr}`,
    `--service-cluster-ip-range=${serviceCidr}`,
    '--leader-elect=false',
    '--secure-port=0',
    `--controllers=${controllers.join(',')}`,
    // A node that is not heard of is given up after two of its reports were missed, not five.
    '--node-monitor-grace-period=20s',
    '--node-monitor-period=1s',
    // Its own limits (20 and 30) would have tests wait for it.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ]
}

/** @param kubeconfig path of its kubeconfig */
export function schedulerArguments(kubeconfig: string): readonly string[] {
  return [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0']
}
