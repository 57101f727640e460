// A shop that is the same on every machine: products, customers and sales made from a fixed seed.
// Money is whole cents here; `money()` writes it as the decimal string that the API speaks.

export const ZONE = "Europe/Lisbon";
export const CURRENCY = "EUR";
export const TODAY = "2025-06-18";
export const NOW_HOUR = 15;

export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function money(cents) {
  const sign = cents < 0 ? "-" : "";
  const digits = String(Math.abs(Math.round(cents))).padStart(3, "0");
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

export const day = (text) => Date.parse(`${text}T00:00:00Z`) / 86_400_000;
export const dayText = (number) => new Date(number * 86_400_000).toISOString().slice(0, 10);
export const weekday = (number) => ((number + 3) % 7) + 1;

const CATALOGUE = {
  Electronics: [
    ["Wireless Mouse", 2999],
    ["Mechanical Keyboard", 8990],
    ["USB-C Hub", 4490],
    ["Noise-cancelling Headphones", 17900],
    ["Webcam 4K", 11900],
    ["Portable Charger", 3490],
  ],
  "Home & Kitchen": [
    ["Moka Pot", 2790],
    ["Cast-iron Skillet", 4990],
    ["Linen Apron", 2390],
    ["Ceramic Bowl Set", 3890],
    ["Olive-wood Board", 3190],
  ],
  Books: [
    ["Atlas of Lakes", 3900],
    ["The Data Shop", 2450],
    ["Slow Bread", 2190],
    ["A History of Ink", 1890],
  ],
  Outdoor: [
    ["Trail Backpack 24 L", 8450],
    ["Insulated Bottle", 2690],
    ["Head Torch", 3290],
    ["Camping Hammock", 5490],
  ],
  Beauty: [
    ["Argan Oil", 1790],
    ["Clay Mask", 1290],
    ["Beard Comb", 990],
  ],
  Toys: [
    ["Wooden Railway", 5990],
    ["Marble Run", 4290],
    ["Kite", 1990],
  ],
  Garden: [
    ["Pruning Shears", 2490],
    ["Terracotta Pots", 3390],
  ],
  Stationery: [
    ["Fountain Pen", 3990],
    ["Dotted Notebook", 1490],
    ["Washi Tape Set", 890],
  ],
  null: [["Gift Card Sleeve", 290]],
};
const CITIES = [
  "Lisbon",
  "Porto",
  "Braga",
  "Coimbra",
  "Faro",
  "Aveiro",
  "Évora",
  "Madrid",
  "Paris",
  "Berlin",
  "São Paulo",
];
const FIRST = [
  "Alice",
  "Bruno",
  "Carla",
  "Diogo",
  "Elena",
  "Filipe",
  "Greta",
  "Hugo",
  "Inês",
  "João",
  "Kira",
  "Luís",
  "Marta",
  "Nuno",
  "Olga",
  "Pedro",
  "Rita",
  "Sara",
  "Tomás",
  "Vera",
];
const LAST = [
  "Almeida",
  "Barros",
  "Costa",
  "Duarte",
  "Esteves",
  "Ferreira",
  "Gomes",
  "Henriques",
  "Lopes",
  "Martins",
  "Neves",
  "Oliveira",
  "Pinto",
  "Ramos",
  "Silva",
];

export function products() {
  let number = 100;
  return Object.entries(CATALOGUE).flatMap(([category, items]) =>
    items.map(([name, price]) => ({
      product_id: `P${++number}`,
      name,
      category: category === "null" ? null : category,
      price,
    })),
  );
}

export function customers(count = 9000) {
  const next = random(11);
  return Array.from({ length: count }, (_, index) => ({
    customer_id: `C${String(index + 1).padStart(4, "0")}`,
    name: `${FIRST[Math.floor(next() * FIRST.length)]} ${LAST[Math.floor(next() * LAST.length)]}`,
    city: next() < 0.03 ? null : CITIES[Math.floor(next() ** 1.7 * CITIES.length)],
  }));
}

// The hours when people buy: a morning, a lunch and a long evening.
const HOURS = [2, 1, 1, 0, 0, 1, 3, 6, 10, 13, 15, 16, 18, 15, 13, 12, 13, 15, 18, 22, 25, 22, 14, 6];
const HOURS_TOTAL = HOURS.reduce((sum, each) => sum + each, 0);

function hourOf(chance) {
  let left = chance * HOURS_TOTAL;
  for (let hour = 0; hour < 24; hour += 1) {
    left -= HOURS[hour];
    if (left < 0) return hour;
  }
  return 20;
}

/** All sales, oldest first. `until` is the last day; sales of `TODAY` end at `NOW_HOUR`. */
export function sales({ from, until, perDay = 44 }) {
  const next = random(2024);
  const goods = products();
  const people = customers();
  const rows = [];
  let number = 0;
  const first = day(from);
  const weights = goods.map((_, index) => 1 / (1 + ((index * 7) % goods.length) * 0.22));
  const weightTotal = weights.reduce((sum, each) => sum + each, 0);
  for (let date = first; date <= day(until); date += 1) {
    const text = dayText(date);
    const season =
      1 +
      0.25 * Math.sin((date / 365) * 2 * Math.PI) +
      (text.slice(5, 7) === "11" ? 0.35 : 0) +
      (text.slice(5, 7) === "12" ? 0.5 : 0);
    const growth = 1 + (date - first) / 1400;
    const count = Math.round(
      perDay * season * growth * [0.9, 0.85, 0.95, 1, 1.15, 1.3, 1.1][weekday(date) - 1] * (0.8 + next() * 0.4),
    );
    const moments = Array.from({ length: count }, () => hourOf(next()) * 3600 + Math.floor(next() * 3600)).sort(
      (left, right) => left - right,
    );
    let line = 1;
    for (const moment of moments) {
      number += 1;
      line += 1;
      const person = people[Math.floor(next() ** 3.2 * people.length)];
      let pick = next() * weightTotal;
      let index = 0;
      while (index < goods.length - 1 && (pick -= weights[index]) > 0) index += 1;
      const item = goods[index];
      const quantity = 1 + Math.floor(next() ** 3 * 4);
      const price = item.price + Math.floor(next() * 3) * 10;
      const hour = Math.floor(moment / 3600);
      const unknown = next() < 0.002;
      if (text === TODAY && hour >= NOW_HOUR) continue;
      rows.push(row({ number, person, item, unknown, quantity, cents: price * quantity, date, text, moment, line }));
    }
  }
  return rows;
}

export function row({ number, person, item, unknown = false, quantity, cents, date, text, moment, line }) {
  const clock = [Math.floor(moment / 3600), Math.floor(moment / 60) % 60, moment % 60]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
  return {
    transaction_id: `T${String(number).padStart(6, "0")}`,
    transaction_date: `${text}T${clock}`,
    customer_id: person.customer_id,
    customer_name: person.name,
    product_id: unknown ? "P999" : item.product_id,
    product_name: unknown ? null : item.name,
    category: unknown ? null : item.category,
    city: person.city,
    quantity,
    cents,
    day: date,
    hour: Math.floor(moment / 3600),
    weekday: weekday(date),
    _source_file: `sales/orders-${text}.csv`,
    _source_line: line,
  };
}
