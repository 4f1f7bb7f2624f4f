import type { SettingValue } from '../http/server-types.ts';
import { settingGroups, settings } from './settings.ts';

const secretSettings = new Set([
  'DATABASE_URL',
  'DATABASE_REPLICA_URL',
  'SALESFORCE_CLIENT_SECRET',
  'SALESFORCE_PRIVATE_KEY',
  'SALESFORCE_ACCESS_TOKEN',
  'HTTPS_PROXY',
  'API_KEYS',
  'WEBHOOK_SECRETS',
  'OUTBOUND_MESSAGE_PATH_SECRET',
  'NOTIFY_URLS',
  'NOTIFY_SECRET',
]);

const mask = '********';

/** The settings of a process, with masked secrets. An empty variable counts as unset. */
export function settingValues(environment: NodeJS.ProcessEnv): SettingValue[] {
  let group = '';
  return Object.entries(settings.properties).map(([name, schema]) => {
    group = settingGroups[name] ?? group;
    const given = environment[name] || undefined;
    const value = given ?? ('default' in schema ? String(schema.default) : null);
    const secret = secretSettings.has(name);
    return {
      name,
      group,
      description: 'description' in schema ? String(schema.description) : '',
      value: secret && value !== null ? mask : value,
      source: given === undefined ? 'default' : 'environment',
      secret,
    };
  });
}
