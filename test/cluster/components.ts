// The command lines of the control plane's programs. They run in the cluster's folder.
import type { Certificate } from './certificates.js'

const serviceCidr = '10.96.0.0/16'
const issuer = 'https://kubernetes.default.svc'

/**
 * etcd listens for the API server on a socket in the folder it runs in: no port to clash over, nobody else to reach it.
 * Both insist on something that looks like a host and a port; `localhost:0` is the socket's file name.
 */
const etcdSocket = 'unix://localhost:0'

/** The peer address goes unused by a single member; the kernel picks its port. */
const etcdPeer = 'http://127.0.0.1:0'

/**
 * The controllers that run. Left out are those of nodes, volumes, certificates and quotas, and above all podgc, which
 * deletes pods whose node does not exist.
 */
const controllers = [
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
  readonly caFile: string
  readonly serving: Certificate
  readonly signing: ServiceAccountKeys
  readonly auditPolicyFile: string
  readonly auditLog: string
}

export interface ControllerManagerOptions {
  readonly kubeconfig: string
  readonly caFile: string
  readonly signing: ServiceAccountKeys
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
  const { port, caFile, serving, signing, auditPolicyFile, auditLog } = options
  return [
    `--etcd-servers=${etcdSocket}`,
    // History stays whole: the observer reads past revisions.
    '--etcd-compaction-interval=0',
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    // The Service `kubernetes` gets no endpoints. Without an address it would look for a default route, or fail.
    '--endpoint-reconciler-type=none',
    '--advertise-address=192.0.2.1',
    `--tls-cert-file=${serving.certFile}`,
    `--tls-private-key-file=${serving.keyFile}`,
    `--client-ca-file=${caFile}`,
    `--service-account-issuer=${issuer}`,
    `--service-account-key-file=${signing.publicKey}`,
    `--service-account-signing-key-file=${signing.key}`,
    `--service-cluster-ip-range=${serviceCidr}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged',
    `--audit-policy-file=${auditPolicyFile}`,
    `--audit-log-path=${auditLog}`,
    '--audit-log-mode=blocking',
    // In MB. A log that is rotated would lose requests to whoever counts them.
    '--audit-log-maxsize=8192',
  ]
}

export function controllerManagerArguments(options: ControllerManagerOptions): readonly string[] {
  const { kubeconfig, caFile, signing } = options
  return [
    `--kubeconfig=${kubeconfig}`,
    `--root-ca-file=${caFile}`,
    `--service-account-private-key-file=${signing.key}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0',
    `--controllers=${controllers.join(',')}`,
    // Its own limits (20 and 30) would have tests wait for it.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ]
}
