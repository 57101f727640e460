// Finds the value that broke a rule in the row as it stood: a whole field first, else anywhere.

export function brokenPart(raw: string, value: string | null): [string, string, string] {
  if (!value) return [raw, "", ""];
  const quoted = value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const field = new RegExp(`(?<=^|[,;|\\t":]\\s*)${quoted}(?=\\s*(?:$|[,;|\\t"}]))`).exec(raw);
  const at = field ? field.index : raw.indexOf(value);
  return at < 0 ? [raw, "", ""] : [raw.slice(0, at), value, raw.slice(at + value.length)];
}
