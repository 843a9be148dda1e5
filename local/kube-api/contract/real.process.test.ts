import { test } from '@jest/globals';
import { accessFromKubeconfig } from './client.ts';
import { describeContract } from './suite.ts';

/** A kubeconfig of a real cluster that may be written to. */
const kubeconfig = process.env['ANNULUS_CONTRACT_KUBECONFIG'];

if (kubeconfig === undefined || kubeconfig === '') {
  console.warn('contract against a real API server: skipped; set ANNULUS_CONTRACT_KUBECONFIG to run it');
  test.skip('the real API server keeps the contract (ANNULUS_CONTRACT_KUBECONFIG is not set)', () => undefined);
} else {
  describeContract('the real API server keeps the contract', () => accessFromKubeconfig(kubeconfig));
}
