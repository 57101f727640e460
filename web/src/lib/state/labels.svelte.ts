// The words for fields and values: a product is known by its name, not by its number.
import { SvelteMap } from "svelte/reactivity";
import { NONE, type Dimension } from "./filters";
import { session } from "./session.svelte";

const FIELDS: Record<Dimension, string> = {
  category: "Category",
  product: "Product",
  city: "City",
  segment: "Segment",
  weekday: "Weekday",
  hour: "Hour",
};
export const SEGMENTS: Record<string, string> = {
  new: "New (1 order)",
  returning: "Returning (2–4)",
  loyal: "Loyal (5 or more)",
  unknown: "Unknown customer",
};

class Labels {
  readonly #known = new SvelteMap<string, string>();

  learn(field: Dimension, value: string, label: string | null): void {
    const key = `${field} ${value}`;
    if (label && this.#known.get(key) !== label) this.#known.set(key, label);
  }

  of(field: Dimension, value: string): string {
    if (value === NONE) return `Without ${FIELDS[field].toLowerCase()}`;
    if (field === "segment") return SEGMENTS[value] ?? value;
    if (field === "weekday") return session.formats.weekday(Number(value), "long");
    if (field === "hour")
      return `${session.formats.hour(Number(value))} to ${session.formats.hour((Number(value) + 1) % 24)}`;
    return this.#known.get(`${field} ${value}`) ?? value;
  }

  fieldName(field: Dimension): string {
    return FIELDS[field];
  }
}

export const labels = new Labels();
