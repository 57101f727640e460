// Sales that a table has shown: one that is opened stands there at once, without being asked for again.
import { SvelteMap } from "svelte/reactivity";
import type { Transaction } from "../api/types";

const KEPT = 2000;

class KnownSales {
  readonly #rows = new SvelteMap<string, Transaction>();

  learn(rows: readonly Transaction[]): void {
    if (this.#rows.size > KEPT) this.#rows.clear();
    for (const row of rows) this.#rows.set(row.transaction_id, row);
  }

  get(id: string): Transaction | undefined {
    return this.#rows.get(id);
  }
}

export const knownSales = new KnownSales();
