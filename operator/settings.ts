import { parseArgs } from 'node:util';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
/** Where /metrics is when nobody says. */
export const DEFAULT_METRICS_PORT = 8080;

/** How the operator was started. */
export interface Settings {
  /** Path of a kubeconfig; undefined in a pod. */
  kubeconfig: string | undefined;
  /** Namespace to watch; '' for all. */
  namespace: string;
  /** Namespace of the operator's own pod: where the Lease is, and from where nodes are dialled. */
  operatorNamespace: string | undefined;
  /** False: no leader election, for embedded mode with its one operator. */
  lease: boolean;
  metricsAddress: string;
  /** 0: any free port; undefined: DEFAULT_METRICS_PORT, or any free one. */
  metricsPort: number | undefined;
  logLevel: (typeof LOG_LEVELS)[number];
}

/** The command line or the environment is wrong: said in one line, exit code 2. */
export class SettingsError extends Error {}

export const USAGE = `annulus operator: keeps VectorClusters, Collections and Shards as their specs say.

  --kubeconfig PATH        (KUBECONFIG) API server to work on; in a pod, its own
  --namespace NAME         (ANNULUS_NAMESPACE) watch this namespace only; default all
  --no-lease               (ANNULUS_LEASE=off) no leader election: only when no other operator can run
  --metrics-address IP     (ANNULUS_METRICS_ADDRESS) default 127.0.0.1; in a pod 0.0.0.0
  --metrics-port PORT      (ANNULUS_METRICS_PORT) /metrics, /healthz and /readyz; default ${DEFAULT_METRICS_PORT}
  --log-level LEVEL        (ANNULUS_LOG_LEVEL) ${LOG_LEVELS.join(', ')}; default info
`;

/** Reads flags, then environment; throws SettingsError. */
export function readSettings(argv: string[], env: NodeJS.ProcessEnv): Settings | 'help' {
  const values = parseFlags(argv);
  if (values.help) return 'help';
  const inPod = env['KUBERNETES_SERVICE_HOST'] !== undefined;
  const lease = env['ANNULUS_LEASE'] ?? 'on';
  if (lease !== 'on' && lease !== 'off') throw new SettingsError(`ANNULUS_LEASE is "${lease}": on or off`);
  const level = values['log-level'] ?? env['ANNULUS_LOG_LEVEL'] ?? 'info';
  const logLevel = LOG_LEVELS.find((known) => known === level);
  if (logLevel === undefined) throw new SettingsError(`log level "${level}" is none of ${LOG_LEVELS.join(', ')}`);
  return {
    kubeconfig: values.kubeconfig ?? (env['KUBECONFIG'] || undefined),
    namespace: values.namespace ?? env['ANNULUS_NAMESPACE'] ?? '',
    operatorNamespace: env['ANNULUS_OPERATOR_NAMESPACE'] || undefined,
    lease: lease === 'on' && values['no-lease'] !== true,
    metricsAddress: values['metrics-address'] ?? env['ANNULUS_METRICS_ADDRESS'] ?? (inPod ? '0.0.0.0' : '127.0.0.1'),
    metricsPort: readPort(values['metrics-port'] ?? env['ANNULUS_METRICS_PORT']),
    logLevel,
  };
}

function parseFlags(argv: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: argv,
      options: {
        kubeconfig: text,
        namespace: text,
        'no-lease': flag,
        'metrics-address': text,
        'metrics-port': text,
        'log-level': text,
        help: flag,
      },
    }).values;
  } catch (error) {
    throw new SettingsError(error instanceof Error ? error.message : String(error));
  }
}

function readPort(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const port = Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new SettingsError(`metrics port "${value}" is none`);
  return port;
}
