// Moments in the server's sentences, by the shop's clock: the reader sees them as everywhere else on the page.
import type { Formats } from "./format";

const MOMENT = /\b\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?\b/g;

/** The sentence with its days and moments in the reader's words; what stands between backticks is code and stays. */
export const withMoments = (sentence: string, formats: Formats): string =>
  sentence
    .split("`")
    .map((part, index) => (index % 2 === 1 ? part : part.replace(MOMENT, (moment) => formats.moment(moment))))
    .join("`");

/** The server's clause as a sentence of a page: it begins with a large letter, unless it begins with code. */
export const asSentence = (clause: string, formats: Formats): string => {
  const words = withMoments(clause, formats);
  return words.charAt(0).toUpperCase() + words.slice(1);
};
