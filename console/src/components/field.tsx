import { useEffect, useId, useState } from 'preact/hooks';

type TextProps = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly type?: 'text' | 'search' | 'datetime-local';
  readonly placeholder?: string;
  /** Reports changes this long after the last key; milliseconds. */
  readonly delayMs?: number;
};

/** A labelled input. */
export function TextField({ label, value, onChange, type = 'text', placeholder, delayMs = 0 }: TextProps) {
  const id = useId();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onChange(text), delayMs);
    return () => clearTimeout(timer);
  }, [text]);
  const shared = {
    id,
    value: text,
    placeholder: placeholder ?? '',
    autocomplete: 'off' as const,
    onInput: (event: { readonly currentTarget: HTMLInputElement }) => setText(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {type === 'text' && <input {...shared} type="text" />}
      {type === 'search' && <input {...shared} type="search" />}
      {type === 'datetime-local' && <input {...shared} type="datetime-local" />}
    </div>
  );
}

type ChoiceProps = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Values, or pairs of values and their labels. */
  readonly options: readonly (string | readonly [string, string])[];
};

/** A labelled choice. */
export function Choice({ label, value, onChange, options }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => {
          const [name, text] = typeof option === 'string' ? [option, option] : option;
          return (
            <option key={name} value={name}>
              {text}
            </option>
          );
        })}
      </select>
    </div>
  );
}
