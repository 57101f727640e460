// Where the reader is: the address bar, as state. Links and the back button need nothing else.

export const place = $state({ path: window.location.pathname, search: window.location.search });

function read(): void {
  place.path = window.location.pathname;
  place.search = window.location.search;
}

export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  const url = new URL(to, window.location.href);
  if (url.pathname === place.path && url.search === place.search) return;
  const samePage = url.pathname === place.path;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  read();
  if (!samePage) {
    window.scrollTo(0, 0);
    requestAnimationFrame(() => document.querySelector<HTMLElement>("#main")?.focus({ preventScroll: true }));
  }
}

/** Changes some of the query and keeps the rest; null takes a key away. */
export function setQuery(changes: Record<string, string | null>, options: { replace?: boolean } = {}): void {
  const query = new URLSearchParams(place.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  navigate(`${place.path}${text ? `?${text}` : ""}`, options);
}

export const queryValue = (name: string): string | null => new URLSearchParams(place.search).get(name);

export function startRouter(): void {
  window.addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element | null)?.closest?.("a[href]");
    if (
      !(link instanceof HTMLAnchorElement) ||
      link.target ||
      link.hasAttribute("download") ||
      link.origin !== window.location.origin ||
      link.pathname.startsWith("/api/")
    )
      return;
    event.preventDefault();
    navigate(link.href);
  });
}
