// Lays a lineage out from left to right: what something is made of stands before it.
import type { Lineage } from "../../lib/api/types";

export interface Box {
  readonly id: string;
  readonly kind: string;
  readonly x: number;
  readonly y: number;
}
export interface Line {
  readonly from: string;
  readonly to: string;
  readonly path: string;
}
export interface Graph {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
}

export const BOX = { width: 190, height: 40, gapX: 70, gapY: 14 };

export function layOut({ nodes, edges }: Lineage): Graph {
  const named = nodes.map((node) =>
    typeof node === "string" ? { id: node, kind: "" } : { id: node.id, kind: node.kind ?? "" },
  );
  const arrows = edges.map((edge) =>
    Array.isArray(edge) ? { from: edge[0], to: edge[1] } : { from: edge.from, to: edge.to },
  );
  const depth = new Map<string, number>(named.map((node) => [node.id, 0]));
  // Longest way from a source; a circle, which should not be, ends after as many rounds as there are nodes.
  for (let round = 0; round < named.length; round += 1) {
    let moved = false;
    for (const { from, to } of arrows) {
      const next = (depth.get(from) ?? 0) + 1;
      if (depth.has(to) && next > (depth.get(to) ?? 0) && next < named.length) {
        depth.set(to, next);
        moved = true;
      }
    }
    if (!moved) break;
  }
  const columns = new Map<number, string[]>();
  for (const node of named)
    columns.set(depth.get(node.id) ?? 0, [...(columns.get(depth.get(node.id) ?? 0) ?? []), node.id]);
  const tallest = Math.max(1, ...[...columns.values()].map((column) => column.length));
  const height = tallest * (BOX.height + BOX.gapY) - BOX.gapY;
  const boxes = named.map((node) => {
    const at = depth.get(node.id) ?? 0;
    const column = columns.get(at) ?? [];
    const own = column.length * (BOX.height + BOX.gapY) - BOX.gapY;
    return {
      ...node,
      x: at * (BOX.width + BOX.gapX),
      y: (height - own) / 2 + column.indexOf(node.id) * (BOX.height + BOX.gapY),
    };
  });
  const place = new Map(boxes.map((box) => [box.id, box]));
  const lines = arrows.flatMap(({ from, to }) => {
    const [start, end] = [place.get(from), place.get(to)];
    if (!start || !end) return [];
    const [x1, y1, x2, y2] = [start.x + BOX.width, start.y + BOX.height / 2, end.x, end.y + BOX.height / 2];
    const bend = Math.max(24, (x2 - x1) / 2);
    return [{ from, to, path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }];
  });
  return {
    boxes,
    lines,
    width: Math.max(...boxes.map((box) => box.x + BOX.width), BOX.width),
    height: Math.max(height, BOX.height),
  };
}
