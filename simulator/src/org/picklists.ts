/** Splits a list of values without commas. */
export function list(values: string): readonly string[] {
  return values.split(', ');
}

/** The values of a new Developer Edition org; picklists of Account are not restricted to them. */
export const ACCOUNT_TYPES = list(
  'Prospect, Customer - Direct, Customer - Channel, Channel Partner / Reseller, Installation Partner, ' +
    'Technology Partner, Other',
);

export const INDUSTRIES = list(
  'Agriculture, Apparel, Banking, Biotechnology, Chemicals, Communications, Construction, Consulting, ' +
    'Education, Electronics, Energy, Engineering, Entertainment, Environmental, Finance, ' +
    'Food & Beverage, Government, Healthcare, Hospitality, Insurance, Machinery, Manufacturing, Media, ' +
    'Not For Profit, Other, Recreation, Retail, Shipping, Technology, Telecommunications, ' +
    'Transportation, Utilities',
);

export const ACCOUNT_SOURCES = list('Web, Phone Inquiry, Partner Referral, Purchased List, Other');

export const CLEAN_STATUSES = list(
  'Matched, Different, Acknowledged, NotFound, Inactive, Pending, SelectMatch, Skipped',
);

export const GEOCODE_ACCURACIES = list(
  'Address, NearAddress, Block, Street, ExtendedZip, Zip, Neighborhood, City, County, State, Unknown',
);
