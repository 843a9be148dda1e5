import { randomBytes, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';

const DAY_MS = 24 * 60 * 60 * 1000;
const VALID_DAYS = 3650;
/** A certificate that ends sooner than this is made anew. */
const RENEW_BEFORE_DAYS = 30;
const TOKEN_BYTES = 32;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface Credentials {
  readonly token: string;
  readonly caPem: string;
  readonly tls: { readonly certPem: string; readonly keyPem: string };
}

interface Files {
  readonly token: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const filesIn = (folder: string): Files => ({
  token: join(folder, 'token'),
  ca: join(folder, 'ca.crt'),
  cert: join(folder, 'server.crt'),
  key: join(folder, 'server.key'),
});

/** Writes a file that only its owner may read; a reader sees the old text or the new, never half. */
async function writePrivate(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.new`;
  await writeFile(draft, text, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
}

/** A serial number with its top bit clear: certificates hold signed integers. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString('hex');
}

async function makeCertificates(now: number): Promise<{ caPem: string; certPem: string; keyPem: string }> {
  // Loaded only to make certificates: it is large, and most starts find theirs.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as Crypto);
  const [caKeys, serverKeys] = await Promise.all([
    webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']),
    webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']),
  ]);
  const notBefore = new Date(now - DAY_MS);
  const notAfter = new Date(now + VALID_DAYS * DAY_MS);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=annulus-local-ca',
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const server = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: 'CN=annulus-local-kube-api',
    issuer: ca.subject,
    notBefore,
    notAfter,
    signingKey: caKeys.privateKey,
    publicKey: serverKeys.publicKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
        { type: 'dns', value: 'localhost' },
      ]),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', serverKeys.privateKey);
  return {
    caPem: `${ca.toString('pem')}\n`,
    certPem: `${server.toString('pem')}\n`,
    keyPem: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  };
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function isCurrent(certPem: string | null, now: number): certPem is string {
  if (certPem === null) return false;
  return Date.parse(new NodeCertificate(certPem).validTo) > now + RENEW_BEFORE_DAYS * DAY_MS;
}

/**
 * The local server's certificate authority, certificate and token: kept in `folder` (files of mode 0600), made
 * when they are not there or the certificate is about to end.
 */
export async function ensureCredentials(folder: string, now: number = Date.now()): Promise<Credentials> {
  const files = filesIn(folder);
  const [kept, caKept, certKept, keyKept] = await Promise.all(
    [files.token, files.ca, files.cert, files.key].map(readIfThere),
  );
  let token = kept?.trim() ?? '';
  if (token === '') {
    token = randomBytes(TOKEN_BYTES).toString('base64url');
    await writePrivate(files.token, `${token}\n`);
  }
  if (isCurrent(certKept ?? null, now) && caKept != null && keyKept != null) {
    return { token, caPem: caKept, tls: { certPem: certKept as string, keyPem: keyKept } };
  }
  const { caPem, certPem, keyPem } = await makeCertificates(now);
  await writePrivate(files.key, keyPem);
  await writePrivate(files.ca, caPem);
  await writePrivate(files.cert, certPem);
  return { token, caPem, tls: { certPem, keyPem } };
}

/**
 * Writes a kubeconfig (mode 0600) for a server of these credentials. `url` as clients reach it; `serverName` where that is not a name
 * that the certificate has.
 */
export async function writeKubeconfig(
  path: string,
  url: string,
  credentials: Credentials,
  serverName?: string,
): Promise<void> {
  const name = 'annulus-local';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: {
          server: url,
          ...(serverName === undefined ? {} : { 'tls-server-name': serverName }),
          'certificate-authority-data': Buffer.from(credentials.caPem).toString('base64'),
        },
      },
    ],
    users: [{ name, user: { token: credentials.token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
  };
  await writePrivate(path, stringify(config));
}
