import { describe, expect, test } from '@jest/globals';
import { readSettings } from './settings.ts';

describe('settings', () => {
  test('defaults: all namespaces, with a lease, metrics on the loopback', () => {
    expect(readSettings([], {})).toEqual({
      kubeconfig: undefined,
      namespace: '',
      operatorNamespace: undefined,
      lease: true,
      metricsAddress: '127.0.0.1',
      metricsPort: undefined,
      logLevel: 'info',
    });
    expect(readSettings([], { KUBERNETES_SERVICE_HOST: '10.0.0.1' })).toMatchObject({ metricsAddress: '0.0.0.0' });
  });

  test('flags win over the environment', () => {
    const env = { KUBECONFIG: '/a', ANNULUS_NAMESPACE: 'b', ANNULUS_METRICS_PORT: '1', ANNULUS_LEASE: 'off' };
    expect(readSettings([], env)).toMatchObject({ kubeconfig: '/a', namespace: 'b', metricsPort: 1, lease: false });
    const flags = ['--kubeconfig', '/c', '--namespace', 'd', '--metrics-port', '0', '--log-level', 'debug'];
    expect(readSettings(flags, env)).toMatchObject({
      kubeconfig: '/c',
      namespace: 'd',
      metricsPort: 0,
      logLevel: 'debug',
    });
    expect(readSettings(['--no-lease'], {})).toMatchObject({ lease: false });
    expect(readSettings(['--help'], {})).toBe('help');
  });

  test('what is wrong is named', () => {
    expect(() => readSettings(['--metrics-port', 'x'], {})).toThrow('metrics port "x"');
    expect(() => readSettings([], { ANNULUS_LEASE: 'maybe' })).toThrow('ANNULUS_LEASE is "maybe": on or off');
    expect(() => readSettings(['--log-level', 'loud'], {})).toThrow('"loud" is none of trace');
    expect(() => readSettings(['--nonsense'], {})).toThrow('--nonsense');
  });
});
