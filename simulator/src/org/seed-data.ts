import { list } from './picklists.ts';

/** Places with the phone prefix of their country. */
export const PLACES: readonly Place[] = [
  place('San Francisco', 'CA', '94105', 'USA', '(415) 555-', 37.7898, -122.3942),
  place('Austin', 'TX', '78701', 'USA', '(512) 555-', 30.2711, -97.7437),
  place('New York', 'NY', '10017', 'USA', '(212) 555-', 40.7527, -73.9772),
  place('Chicago', 'IL', '60606', 'USA', '(312) 555-', 41.8819, -87.6387),
  place('Burlington', 'NC', '27215', 'USA', '(336) 555-', 36.0957, -79.4378),
  place('Lawrence', 'KS', '66045', 'USA', '(785) 555-', 38.9581, -95.2478),
  place('Portland', 'OR', '97204', 'USA', '(503) 555-', 45.5175, -122.6755),
  place('Tucson', 'AZ', '85721', 'USA', '(520) 555-', 32.2319, -110.9501),
  place('Seattle', 'WA', '98101', 'USA', '(206) 555-', 47.6101, -122.3344),
  place('Boston', 'MA', '02110', 'USA', '(617) 555-', 42.3573, -71.0537),
  place('Toronto', 'Ontario', 'M5V 2T6', 'Canada', '+1 416 555 ', 43.6426, -79.3871),
  place('Montréal', 'Québec', 'H3B 2Y5', 'Canada', '+1 514 555 ', 45.5017, -73.5673),
  place('London', null, 'EC2A 4NE', 'United Kingdom', '+44 20 7946 ', 51.5237, -0.0836),
  place('Paris', null, '75008', 'France', '+33 1 99 00 ', 48.8738, 2.295),
  place('München', 'Bayern', '80331', 'Germany', '+49 89 555 ', 48.1374, 11.5755),
  place('Hamburg', null, '20095', 'Germany', '+49 40 555 ', 53.5511, 9.9937),
  place('Zürich', 'ZH', '8001', 'Switzerland', '+41 44 555 ', 47.3769, 8.5417),
  place('Kraków', 'Małopolskie', '31-042', 'Poland', '+48 12 555 ', 50.0617, 19.9373),
  place('São Paulo', 'SP', '01310-100', 'Brazil', '+55 11 5555-', -23.5614, -46.6559),
  place('東京都千代田区', '東京都', '100-0005', 'Japan', '+81 3 5555 ', 35.6812, 139.7671),
  place('Bengaluru', 'Karnataka', '560001', 'India', '+91 80 5555 ', 12.9716, 77.5946),
  place('Sydney', 'NSW', '2000', 'Australia', '+61 2 5550 ', -33.8688, 151.2093),
];

export const STREETS = list('Market St, Main Street, Mission St, King Street, Park Avenue, Station Road');

export const NAME_STEMS = [
  'Edge',
  'Burlington',
  'Pyramid',
  'Grand',
  'United',
  'Express',
  'Genwatt',
  'Dickenson',
  'Northwind',
  'Blue Harbor',
  'Silverline',
  'Cascade',
  'Ironwood',
  'Brightwater',
  'Møller & Sønner',
  'Nguyễn',
  'Café Crème',
  'Łódź',
  'Straße',
  '山田',
  'Ångström',
  "O'Connell",
  'Piñata',
  'Summit "Peak"',
];

export const NAME_KINDS = list(
  'Communications, Textiles, Construction, Hotels & Resorts, Oil & Gas, Logistics, Analytics, Foods, ' +
    'Robotics, Health, Energy, Partners',
);

export const LEGAL_FORMS = list('Inc., Corp., LLC, Ltd, GmbH, S.A., AG, plc, ');

export const DESCRIPTIONS = [
  'Leading supplier in its region.',
  'Met at the trade fair.\nAsked for a quote, twice.',
  'Known as "the quiet one"; prefers e-mail, never calls.',
  'Contact: reception\r\nOpen: Mon-Fri, 9-17\r\n"Ring twice"',
  'Größter Kunde im Süden – seit 1998 dabei. 🚢',
];

function place(
  city: string,
  state: string | null,
  postalCode: string,
  country: string,
  phonePrefix: string,
  latitude: number,
  longitude: number,
): Place {
  return { city, state, postalCode, country, phonePrefix, latitude, longitude };
}

export type Place = {
  readonly city: string;
  readonly state: string | null;
  readonly postalCode: string;
  readonly country: string;
  readonly phonePrefix: string;
  readonly latitude: number;
  readonly longitude: number;
};
