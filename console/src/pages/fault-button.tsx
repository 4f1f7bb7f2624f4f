import { useState } from 'preact/hooks';
import { requestJson } from '../api.ts';
import { Action } from '../components/action.tsx';
import { type Fault, FaultParameters, parseParameters } from './fault-parameters.tsx';

/** Switches a fault on, or makes it happen once; asks for its parameters if it has any. */
export function FaultButton({ fault }: { readonly fault: Fault }) {
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const { name, kind, parameters } = fault;
  const hasParameters = Object.keys(parameters.properties ?? {}).length > 0;
  const start = async (): Promise<string> => {
    const json = parseParameters(fault, texts);
    await requestJson(`/simulator/faults/${name}`, { method: 'POST', json });
    return kind === 'switch' ? `${name} is on.` : `${name} has happened.`;
  };
  return (
    <Action
      scope="admin"
      about={name}
      run={start}
      {...(hasParameters && { confirm: <FaultParameters fault={fault} texts={texts} onChange={setTexts} /> })}
    >
      {kind === 'switch' ? 'Switch on' : 'Do it once'}
    </Action>
  );
}
