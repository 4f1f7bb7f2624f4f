import { createRandom, type Random } from '../random.ts';
import type { FieldValue, OrgRecord } from './model.ts';
import { ACCOUNT_SOURCES, ACCOUNT_TYPES, INDUSTRIES } from './picklists.ts';
import { mintId } from './record-id.ts';
import {
  DESCRIPTIONS,
  LEGAL_FORMS,
  NAME_KINDS,
  NAME_STEMS,
  PLACES,
  type Place,
  STREETS,
} from './seed-data.ts';

/** Realistic accounts; equal for equal requests on every machine. */
export function* seededAccounts(request: SeedRequest): Iterable<OrgRecord> {
  const random = createRandom(request.seed);
  for (let index = 0; index < request.count; index += 1) {
    const id = mintId('001', request.firstOrdinal + index);
    yield { id, values: seededValues(id, index, random, request), isDeleted: false };
  }
}

function seededValues(id: string, index: number, random: Random, request: SeedRequest) {
  const place = random.pick(PLACES);
  const values: Record<string, FieldValue> = { Id: id, IsDeleted: false, ...request.defaults };
  const maybe = (probability: number, name: string, make: () => FieldValue) => {
    if (random.chance(probability)) values[name] = make();
  };
  const name = companyName(random);
  values['Name'] = name;
  maybe(0.9, 'Type', () => random.pick(ACCOUNT_TYPES));
  writeAddress(values, 'Billing', place, random);
  if (random.chance(0.4))
    writeAddress(values, 'Shipping', random.chance(0.7) ? place : random.pick(PLACES), random);
  maybe(0.9, 'Phone', () => phone(place, random));
  maybe(0.3, 'Fax', () => phone(place, random));
  maybe(0.8, 'AccountNumber', () => `CD${String(100_000 + index)}`);
  maybe(0.7, 'Website', () => `https://www.${hostName(name)}.example`);
  maybe(0.9, 'Industry', () => random.pick(INDUSTRIES));
  maybe(0.7, 'AnnualRevenue', () => (1 + random.integer(9_999)) * 100_000);
  maybe(0.7, 'NumberOfEmployees', () => 1 + random.integer(50_000));
  maybe(0.6, 'Ownership', () => random.pick(['Public', 'Private', 'Subsidiary']));
  maybe(0.25, 'Description', () => random.pick(DESCRIPTIONS));
  maybe(0.5, 'Rating', () => random.pick(['Hot', 'Warm', 'Cold']));
  maybe(0.2, 'Site', () => `${place.city} HQ`);
  maybe(0.4, 'AccountSource', () => random.pick(ACCOUNT_SOURCES));
  maybe(0.3, 'YearStarted', () => String(1850 + random.integer(175)));
  maybe(0.4, 'CustomerPriority__c', () => random.pick(['High', 'Low', 'Medium']));
  maybe(0.4, 'SLA__c', () => random.pick(['Gold', 'Silver', 'Platinum', 'Bronze']));
  maybe(0.6, 'Active__c', () => random.pick(['Yes', 'No']));
  maybe(0.4, 'NumberofLocations__c', () => 1 + random.integer(400));
  maybe(0.3, 'SLASerialNumber__c', () => String(1000 + random.integer(9000)));
  maybe(0.3, 'SLAExpirationDate__c', () => SEED_END + random.integer(1000) * DAY_MS);
  writeStamps(values, random, request.ownerId);
  return values;
}

function companyName(random: Random): string {
  const name = `${random.pick(NAME_STEMS)} ${random.pick(NAME_KINDS)} ${random.pick(LEGAL_FORMS)}`.trim();
  return random.chance(0.3) ? `${name} (${random.pick(PLACES).city})` : name;
}

function writeAddress(
  values: Record<string, FieldValue>,
  kind: 'Billing' | 'Shipping',
  place: Place,
  random: Random,
): void {
  const street = `${1 + random.integer(2000)} ${random.pick(STREETS)}`;
  values[`${kind}Street`] = random.chance(0.1) ? `${street}\nFloor ${1 + random.integer(40)}` : street;
  values[`${kind}City`] = place.city;
  if (place.state !== null) values[`${kind}State`] = place.state;
  values[`${kind}PostalCode`] = place.postalCode;
  values[`${kind}Country`] = place.country;
  if (random.chance(0.5)) {
    values[`${kind}Latitude`] = place.latitude;
    values[`${kind}Longitude`] = place.longitude;
    values[`${kind}GeocodeAccuracy`] = 'Address';
  }
}

function phone(place: Place, random: Random): string {
  return place.phonePrefix + String(random.integer(10_000)).padStart(4, '0');
}

/** A host name made of the letters of a company name. */
function hostName(name: string): string {
  const letters = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');
  return letters === '' ? 'company' : letters;
}

function writeStamps(values: Record<string, FieldValue>, random: Random, ownerId: string): void {
  const created = SEED_START + random.integer((SEED_END - SEED_START) / 1000) * 1000;
  const modified = created + random.integer((SEED_END - created) / 1000) * 1000;
  values['OwnerId'] = ownerId;
  values['CreatedDate'] = created;
  values['CreatedById'] = ownerId;
  values['LastModifiedDate'] = modified;
  values['LastModifiedById'] = ownerId;
  values['SystemModstamp'] = modified;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const SEED_START = Date.UTC(2015, 0, 1);
const SEED_END = Date.UTC(2026, 5, 30);

type SeedRequest = {
  readonly count: number;
  readonly seed: number;
  /** Number of the first account id. */
  readonly firstOrdinal: number;
  readonly ownerId: string;
  /** Values of fields that are never empty, mainly checkboxes. */
  readonly defaults: Readonly<Record<string, FieldValue>>;
};
