// What the kubelet's tests run as a container: node fake-container.js <mode>
import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [mode] = process.argv.slice(2);
const data = process.env.DATA_DIR;

if (mode === 'crash') {
  console.error(`cannot open the frobnicator, run ${process.pid}`);
  process.exit(3);
}

function isAlive(pid) {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

// Two processes on one volume at once leave a note.
if (data) {
  for (const name of readdirSync(data).filter((each) => each.startsWith('pid-'))) {
    const pid = Number(name.slice(4));
    if (isAlive(pid)) writeFileSync(join(data, 'TWO-PROCESSES'), `${pid} and ${process.pid}`);
    rmSync(join(data, name), { force: true });
  }
  writeFileSync(join(data, `pid-${process.pid}`), '');
  appendFileSync(join(data, 'starts'), `${process.env.POD}\n`);
}

if (mode === 'stubborn') process.on('SIGTERM', () => console.log('not now'));
else {
  process.on('SIGTERM', () => {
    console.log('bye');
    process.exit(0);
  });
}

let alive = true;
createServer((request, response) => {
  if (request.url === '/die') alive = false;
  const ok = alive && (request.url !== '/readyz' || !data || !existsSync(join(data, 'unready')));
  const secret = process.env.KEYS_DIR ? readFileSync(join(process.env.KEYS_DIR, 'token'), 'utf8') : '';
  response.writeHead(ok ? 200 : 503);
  response.end(JSON.stringify({ pod: process.env.POD, secret, ip: process.env.POD_IP }));
}).listen(8080, process.env.ANNULUS_BIND, () => console.log(`serving as ${process.env.POD}`));
