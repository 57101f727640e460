// What each figure means, in one sentence. The SQL that gives it comes with the panel that shows it.

export interface Metric {
  readonly name: string;
  readonly label: string;
  readonly definition: string;
}

export const METRICS: Record<string, Metric> = {
  revenue: {
    name: "revenue",
    label: "Net revenue",
    definition: "What customers paid: the sum of the amounts of all sales in these days, by the shop's own clock.",
  },
  transactions: {
    name: "transactions",
    label: "Transactions",
    definition: "How many sales rows were loaded for these days; each counts once, however often its file was dropped.",
  },
  average_order_value: {
    name: "average_order_value",
    label: "Average order value",
    definition: "Net revenue divided by transactions. It has no value where nothing was sold.",
  },
  unique_customers: {
    name: "unique_customers",
    label: "Unique customers",
    definition: "Different customers who bought in these days; one who bought ten times counts once.",
  },
  trend: {
    name: "trend",
    label: "Revenue over time",
    definition: "Net revenue by the shop's own days. A day without sales is a gap, and the running day is dashed.",
  },
  products: {
    name: "products",
    label: "Top products",
    definition: "The ten products with the highest net revenue in these days; ties go by product number.",
  },
  categories: {
    name: "categories",
    label: "Sales by category",
    definition: "Net revenue by the category of the product sold; all slices together are the whole.",
  },
  segments: {
    name: "segments",
    label: "Customer segments",
    definition:
      "Customers by how many orders they have ever placed: one is new, two to four is returning, five or more is loyal.",
  },
  heatmap: {
    name: "heatmap",
    label: "When customers buy",
    definition: "Net revenue by weekday and hour of the shop's own clock. An empty cell is an hour without sales.",
  },
};
