// Who is reading, of which shop, and how figures are written for them.
import { get, send, setCsrf } from "../api/client";
import type { Role, Session, Trust } from "../api/types";
import { Formats } from "../format/format";

const RANK: Record<Role, number> = { viewer: 0, analyst: 1, operator: 2, admin: 3 };

class SessionState {
  current = $state.raw<Session | null>(null);
  error = $state.raw<unknown>(null);
  trust = $state.raw<Trust | null>(null);
  readonly formats = $derived(
    new Formats(readerLocale(), this.current?.shop.currency ?? "USD", this.current?.shop.time_zone ?? "UTC"),
  );

  get today(): string {
    return this.current?.shop.today ?? new Date().toISOString().slice(0, 10);
  }

  /** The shop's day of the last sale. */
  get dataEnd(): string | null {
    const text = this.trust?.data_until;
    if (!text) return null;
    if (!/Z|[+-]\d{2}:\d{2}$/.test(text.slice(10))) return text.slice(0, 10);
    const parts = { timeZone: this.formats.zone, year: "numeric", month: "2-digit", day: "2-digit" } as const;
    return new Intl.DateTimeFormat("en-CA", parts).format(Date.parse(text));
  }

  /** What a link has fixed, as pairs of name and value. */
  get fixedFilters(): [string, string][] {
    const filters = this.current?.share?.filters ?? [];
    return Array.isArray(filters)
      ? filters
      : Object.entries(filters).flatMap(([name, values]) =>
          [values].flat().map((value): [string, string] => [name, value]),
        );
  }

  get shared(): boolean {
    return Boolean(this.current?.share);
  }

  get userName(): string | null {
    const user = this.current?.user;
    return typeof user === "string" ? user : (user?.name ?? null);
  }

  may(role: Role): boolean {
    const own = this.current?.role;
    return own ? RANK[own] >= RANK[role] : false;
  }

  async load(): Promise<void> {
    try {
      const session = await get<Session>("/session");
      setCsrf(session.csrf);
      this.current = session;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  async signIn(name: string, password: string): Promise<void> {
    await send("POST", "/session", { name, password });
    await this.load();
  }

  async signOut(): Promise<void> {
    await send("DELETE", "/session");
    await this.load();
  }
}

function readerLocale(): string {
  const asked = new URLSearchParams(window.location.search).get("locale");
  try {
    if (asked) return new Intl.Locale(asked).toString();
  } catch {
    // An unknown locale in the address is no reason to fail.
  }
  return navigator.language || "en";
}

export const session = new SessionState();
