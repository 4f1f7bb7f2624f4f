import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOrg, type OrgOptions, type SimulatorOrg } from '../../src/org/org.ts';
import { decodeEvents } from '../pubsub/decode-events.ts';
import { admin } from './callers.ts';

const HOUR_MS = 60 * 60 * 1000;

const raw = (id: string) => ({ id, schemaId: 's', payload: Buffer.from([1]) });

describe('the journal of an org', () => {
  let folder = '';
  let journalFile = '';
  let time = 0;
  beforeEach(async () => {
    time = Date.UTC(2026, 10, 23);
    folder = await mkdtemp(path.join(tmpdir(), 'simulator-journal-'));
    journalFile = path.join(folder, 'nested', 'org.ndjson');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = (options: OrgOptions = {}) => createOrg({ journalFile, now: () => time, ...options });
  const records = (org: SimulatorOrg) => [...org.records()];

  /** Opens the org again without closing the old one, as after a kill. */
  function expectSame(org: SimulatorOrg): SimulatorOrg {
    const again = open();
    expect(records(again)).toEqual(records(org));
    expect(decodeEvents(again.bus)).toEqual(decodeEvents(org.bus));
    expect(again.bus.latestReplayId()).toEqual(org.bus.latestReplayId());
    expect(again.fields()).toEqual(org.fields());
    return again;
  }

  function fill(org: SimulatorOrg): string {
    org.transaction(admin, (tx) => tx.insert({ Name: 'Before the seed' }));
    org.seed(20, 1);
    org.addField({ name: 'Vip__c', type: 'boolean' });
    const seeded = records(org)[3]?.id ?? '';
    return org.transaction(admin, (tx) => {
      const id = tx.insert({ Name: 'Zoë "Z"\nLtd', Vip__c: true, SignUpCode__c: 'abc' }).id ?? '';
      tx.update(seeded, { Phone: '42', Industry: null });
      tx.delete(records(org)[4]?.id ?? '');
      return id;
    });
  }

  it('an org has the same records, fields and events after a kill', () => {
    const org = open();
    fill(org);
    const again = expectSame(org);
    expectSame(again);
  });

  it('events that only one channel receives stay separate', () => {
    const channel = '/data/Example__chn';
    const faults = {
      enrichments: () => [{ channel, fields: ['Name'], sharesEventId: false }],
    };
    const org = open({ channels: [channel], faults });
    const id = org.transaction(admin, (tx) => tx.insert({ Name: 'Rich' })).id ?? '';
    org.transaction(admin, (tx) => tx.update(id, { Phone: '1' }));
    const again = open({ channels: [channel] });
    const hasName = (topic: string) => decodeEvents(again.bus, topic).map(({ fields }) => 'Name' in fields);
    expect(hasName(channel)).toEqual([true, true]);
    expect(hasName('/data/AccountChangeEvent')).toEqual([true, false]);
  });

  it('expired events are known to be expired after a restart', () => {
    const org = open();
    fill(org);
    const old = org.bus.latestReplayId();
    org.bus.expire();
    const replayId = org.bus.publishRaw('/data/AccountChangeEvent', raw('kept'));
    const again = open();
    expect(again.bus.after(old)).toBeUndefined();
    expect(again.bus.retained().flatMap(({ event }) => event?.id ?? [])).toEqual(['kept']);
    expect(again.bus.after(replayId)).toBeDefined();
  });

  it('new ids, replay ids and commit numbers continue after a restart', () => {
    const org = open();
    const id = fill(org);
    const again = open();
    const next = again.transaction(admin, (tx) => tx.insert({ Name: 'Next' }));
    expect(next.success && next.id > id).toBe(true);
    const [last, newest] = decodeEvents(again.bus).slice(-2);
    expect(Buffer.compare(Buffer.from(newest?.replayId ?? []), Buffer.from(last?.replayId ?? []))).toBe(1);
    expect(newest && last && newest.header.commitNumber > last.header.commitNumber).toBe(true);
    expect(again.transaction(admin, (tx) => tx.insert({ Name: 'A', SignUpCode__c: 'abc' })).success).toBe(
      false,
    );
  });

  it('readers resume by the replay ids that they have', () => {
    const org = open();
    fill(org);
    const [first] = decodeEvents(org.bus);
    const after = open().bus.after(first?.replayId ?? Buffer.alloc(0));
    expect(after).toBeDefined();
    expect(after).toBe(org.bus.after(first?.replayId ?? Buffer.alloc(0)));
  });

  it('raw events and their schemas are kept', () => {
    const org = open();
    org.bus.registerSchema('a-schema', '{"type":"string"}');
    const event = { id: 'e', schemaId: 'a-schema', payload: Buffer.from([0, 255, 10]) };
    const replayId = org.bus.publishRaw('/data/ChangeEvents', event);
    const again = open();
    expect(again.bus.schema('a-schema')).toBe('{"type":"string"}');
    const read = again.bus.read('/data/ChangeEvents', again.bus.earliest(), { events: 9, bytes: 999 });
    expect(read.events).toEqual([{ ...event, replayId }]);
  });

  it('an incomplete last entry is ignored', async () => {
    const org = open();
    fill(org);
    const whole = await readFile(journalFile);
    org.transaction(admin, (tx) => tx.insert({ Name: 'Torn' }));
    await truncate(journalFile, (await readFile(journalFile)).length - 5);
    const again = open();
    expect(again.size).toBe(org.size - 1);
    const repaired = await readFile(journalFile, 'utf8');
    expect(repaired.endsWith('\n')).toBe(true);
    expect(repaired).not.toContain('Torn');
    await writeFile(journalFile, whole);
    expect(records(open())).toEqual(records(again));
  });

  it('a journal damaged elsewhere is refused and the line is named', async () => {
    open().transaction(admin, (tx) => tx.insert({ Name: 'A' }));
    const lines = (await readFile(journalFile, 'utf8')).split('\n');
    lines[1] = 'garbage';
    await writeFile(journalFile, lines.join('\n'));
    expect(open).toThrow(/damaged: .*, line 2$/);
  });

  it('expired events are dropped at the start but keep their positions', async () => {
    const org = open();
    fill(org);
    const newest = org.bus.latestReplayId();
    time += 73 * HOUR_MS;
    const again = open();
    expect(decodeEvents(again.bus)).toEqual([]);
    expect(await readFile(journalFile, 'utf8')).not.toContain('payload');
    again.transaction(admin, (tx) => tx.insert({ Name: 'Later' }));
    const [event] = decodeEvents(again.bus);
    expect(Buffer.compare(Buffer.from(event?.replayId ?? []), newest)).toBe(1);
  });

  it('the journal stays small however often a record changes', async () => {
    const org = open({ retentionMs: HOUR_MS });
    const id = fill(org);
    open();
    time += 2 * HOUR_MS;
    const small = open({ retentionMs: HOUR_MS });
    const size = (await readFile(journalFile)).length;
    for (let index = 0; index < 50; index += 1) {
      small.transaction(admin, (tx) => tx.update(id, { Phone: String(index + 10) }));
    }
    time += 2 * HOUR_MS;
    open({ retentionMs: HOUR_MS });
    expect((await readFile(journalFile)).length).toBeLessThan(size + 300);
  });

  it('seeded records that never changed are not written to the journal', async () => {
    open().seed(1_000, 1);
    expect(open().size).toBe(1_000);
    expect((await readFile(journalFile, 'utf8')).split('\n').length).toBeLessThan(10);
  });

  it('a half-written new file of an earlier start is ignored', async () => {
    const org = open();
    fill(org);
    await appendFile(`${journalFile}.new`, 'half');
    expectSame(org);
  });
});
