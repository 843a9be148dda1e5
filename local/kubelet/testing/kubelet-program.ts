// A kubelet in a process of its own, for tests that kill it: node kubelet-program.ts <folder>
import { startTestKubelet } from './test-kubelet.ts';

const running = await startTestKubelet(process.argv[2] ?? '');
process.on('SIGTERM', () => void running.close().then(() => process.exit(0)));
process.stdout.write('started\n');
