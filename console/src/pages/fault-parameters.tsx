import { useId } from 'preact/hooks';

type Parameter = {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: { readonly type?: string; readonly enum?: readonly string[] };
  readonly description?: string;
};

export type Fault = {
  readonly name: string;
  readonly kind: 'switch' | 'act';
  readonly about: string;
  readonly parameters: {
    readonly properties?: Readonly<Record<string, Parameter>>;
    readonly required?: readonly string[];
  };
};

type Props = {
  readonly fault: Fault;
  readonly texts: Readonly<Record<string, string>>;
  readonly onChange: (texts: Readonly<Record<string, string>>) => void;
};

/** One input for each parameter of a fault. */
export function FaultParameters({ fault, texts, onChange }: Props) {
  const id = useId();
  const { properties = {}, required = [] } = fault.parameters;
  return (
    <div class="stack">
      <p>{fault.about}</p>
      {Object.entries(properties).map(([name, parameter]) => {
        const choices = parameter.enum ?? (parameter.type === 'boolean' ? ['true', 'false'] : undefined);
        const shared = { id: `${id}-${name}`, value: texts[name] ?? '' };
        const set = (text: string): void => onChange({ ...texts, [name]: text });
        return (
          <div class="field" key={name}>
            <label for={shared.id}>
              {name}
              {required.includes(name) && ' (required)'}
            </label>
            {choices === undefined ? (
              <input {...shared} onInput={(event) => set(event.currentTarget.value)} />
            ) : (
              <select {...shared} onChange={(event) => set(event.currentTarget.value)}>
                <option value="" />
                {choices.map((choice) => (
                  <option key={choice}>{choice}</option>
                ))}
              </select>
            )}
            <span class="quiet">{hintOf(parameter)}</span>
          </div>
        );
      })}
    </div>
  );
}

function hintOf({ type, items, description }: Parameter): string {
  const list = items?.enum?.join(', ') ?? '';
  const form = type === 'array' ? (isTextList(items) ? 'separated by commas' : 'as a JSON array') : '';
  return [description, list, form].filter((text) => text !== undefined && text !== '').join('; ');
}

function isTextList(items: Parameter['items']): boolean {
  return items?.type === 'string' || items?.enum !== undefined;
}

/** The body of the request. @throws SyntaxError for JSON that is not valid */
export function parseParameters({ parameters }: Fault, texts: Readonly<Record<string, string>>): object {
  const entries = Object.entries(texts).filter(([, text]) => text !== '');
  return Object.fromEntries(
    entries.map(([name, text]) => [name, parseParameter(parameters.properties?.[name] ?? {}, text)]),
  );
}

function parseParameter({ type, items }: Parameter, text: string): unknown {
  if (type === 'integer' || type === 'number') return Number(text);
  if (type === 'boolean') return text === 'true';
  if (type !== 'array') return text;
  return isTextList(items) ? text.split(/[\s,]+/).filter(Boolean) : JSON.parse(text);
}
