// The text of a text tile: paragraphs, **strong**, *strong* and `code`; nothing else, and never HTML.

export interface Piece {
  readonly text: string;
  readonly strong?: boolean;
  readonly code?: boolean;
}

export function paragraphs(text: string): Piece[][] {
  return text
    .trim()
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) =>
      paragraph
        .split(/(\*\*[^*]+\*\*|\*[^*]+\*|`[^`]+`)/)
        .filter((piece) => piece !== "")
        .map((piece) => {
          if (piece.startsWith("**") && piece.length > 4) return { text: piece.slice(2, -2), strong: true };
          if (piece.startsWith("*") && piece.endsWith("*") && piece.length > 2)
            return { text: piece.slice(1, -1), strong: true };
          if (piece.startsWith("`") && piece.endsWith("`") && piece.length > 2)
            return { text: piece.slice(1, -1), code: true };
          return { text: piece };
        }),
    );
}
