import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { findPackageJSON, isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { connectPubSub } from './pubsub/pubsub-client.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'simulator-package-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `@scope/name` or `name` of an import; undefined for a file of this package and for a module of Node. */
const packageOf = (target: string): string | undefined =>
  target.startsWith('.') || isBuiltin(target) ? undefined : /^(?:@[^/]+\/)?[^/]+/.exec(target)?.[0];

const importsOf = (directory: string) =>
  readdirSync(path.join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.join(root, directory, file))
    .flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^(?:import|\} from|export .* from)\b.*?'([^']+)'/gm)].map(
        ([, target = '']) => ({ file, target }),
      ),
    );

it.each([
  ['src', Object.keys(manifest.dependencies)],
  ['test', [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)]],
])('%s imports only files of this package and declared dependencies', (directory, declared) => {
  const foreign = importsOf(directory).filter(({ file, target }) => {
    if (target.startsWith('.')) return !path.resolve(path.dirname(file), target).startsWith(root);
    const name = packageOf(target);
    return name !== undefined && !declared.includes(name);
  });
  expect(foreign).toEqual([]);
  const unused = Object.keys(manifest.dependencies).filter(
    (name) => !importsOf('src').some(({ target }) => packageOf(target) === name),
  );
  expect(unused).toEqual([]);
});

it('the packed package contains the proto as a file, and the symbolic link is restored', () => {
  const copy = path.join(folder, 'packed', 'simulator');
  const source = path.join(folder, 'packed', 'src', 'salesforce');
  mkdirSync(source, { recursive: true });
  cpSync(path.join(root, 'pubsub.proto'), path.join(source, 'pubsub.proto'), {
    recursive: true,
    dereference: true,
  });
  mkdirSync(path.join(copy, 'src'), { recursive: true });
  cpSync(path.join(root, 'package.json'), path.join(copy, 'package.json'));
  symlinkSync('../src/salesforce/pubsub.proto', path.join(copy, 'pubsub.proto'));
  const output = execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: copy, encoding: 'utf8' });
  const [{ files }]: [{ files: { path: string; size: number }[] }] = JSON.parse(
    output.slice(output.indexOf('[')),
  );
  expect(files.find((file) => file.path === 'pubsub.proto')?.size).toBeGreaterThan(1000);
  expect(lstatSync(path.join(copy, 'pubsub.proto')).isSymbolicLink()).toBe(true);
});

it('the package runs without the repository around it', async () => {
  const copy = path.join(folder, 'alone');
  for (const entry of ['package.json', 'pubsub.proto', 'src']) {
    cpSync(path.join(root, entry), path.join(copy, entry), { recursive: true, dereference: true });
  }
  for (const name of Object.keys(manifest.dependencies)) {
    const link = path.join(copy, 'node_modules', name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.dirname(findPackageJSON(name, import.meta.url) ?? ''), link);
  }
  const args = ['src/main.ts', '--http-port', '0', '--pubsub-port', '0', '--accounts', '2'];
  const child = spawn(process.execPath, args, { cwd: copy, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const data of child.stdout) {
    output += String(data);
    if (output.includes('/query?q=')) break;
  }
  const instanceUrl = /SOAP +(\S+)/.exec(output)?.[1] ?? '';
  const signIn = await fetch(`${instanceUrl}/services/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'simulator-client',
      client_secret: 'not-a-secret',
    }),
  });
  const { access_token: accesstoken, id } = Object(await signIn.json());
  const client = connectPubSub({
    port: Number(/Pub\/Sub API +127\.0\.0\.1:(\d+)/.exec(output)?.[1]),
    headers: { accesstoken, instanceurl: instanceUrl, tenantid: id.split('/').at(-2) },
  });
  const subscription = client.subscribe({ replayPreset: 'EARLIEST' });
  await fetch(`${instanceUrl}/services/data/v66.0/sobjects/Account`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accesstoken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ Name: 'Example' }),
  });
  expect(await subscription.received(1)).toHaveLength(1);
  client.close();
  child.kill('SIGTERM');
  await once(child, 'exit');
});
