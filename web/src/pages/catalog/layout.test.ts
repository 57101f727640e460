import { describe, expect, it } from "vitest";
import { BOX, layOut } from "./layout";

describe("the lineage's layout", () => {
  it("puts what something is made of to its left, by the longest way", () => {
    const graph = layOut({
      nodes: ["sales", "daily", "weekly", { id: "board", kind: "dashboard" }],
      edges: [
        ["sales", "daily"],
        { from: "daily", to: "weekly" },
        { from: "sales", to: "weekly" },
        ["weekly", "board"],
      ],
    });
    const column = (id: string): number => (graph.boxes.find((box) => box.id === id)?.x ?? -1) / (BOX.width + BOX.gapX);
    expect(["sales", "daily", "weekly", "board"].map(column)).toEqual([0, 1, 2, 3]);
    expect(graph.lines).toHaveLength(4);
  });
  it("ends even where there is a circle or an edge to nowhere", () => {
    expect(
      layOut({
        nodes: ["a", "b"],
        edges: [
          ["a", "b"],
          ["b", "a"],
          ["b", "gone"],
        ],
      }).lines,
    ).toHaveLength(2);
    expect(layOut({ nodes: [], edges: [] }).boxes).toEqual([]);
  });
});
