import type { ComponentChildren } from 'preact';
import { hrefOf, navigate } from '../router.ts';

type Props = {
  /** The path of a view. */
  readonly to: string;
  readonly class?: string;
  readonly isCurrent?: boolean;
  readonly onFollow?: () => void;
  readonly children: ComponentChildren;
};

/** A link to a view of the console. */
export function Link({ to, class: name = '', isCurrent = false, onFollow, children }: Props) {
  const open = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onFollow?.();
    navigate(to);
  };
  return (
    <a href={hrefOf(to)} class={name} aria-current={isCurrent ? 'page' : undefined} onClick={open}>
      {children}
    </a>
  );
}

/** A link to an account by its id. */
export function AccountLink({ id, name }: { readonly id: string; readonly name?: string | null }) {
  return (
    <Link to={`/accounts/${id}`} class={name ? '' : 'id'}>
      {name || id}
    </Link>
  );
}
