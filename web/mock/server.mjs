// A server that speaks the API over a made-up shop, for working on the app without a lake.
//   node mock/server.mjs [--port 8787] [--scenario usual|past|one_day|empty|failed] [--sign-in] [--live SECONDS]
//   node mock/server.mjs --api http://127.0.0.1:7070     the app of dist/ over a real server
// It serves `dist/` too, with the headers that `shoplake serve` sends, so that what breaks there breaks here.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parse, SOURCES, tileRows } from "./dashboards.mjs";
import { CURRENCY, customers, day, dayText, NOW_HOUR, products, row, TODAY, ZONE } from "./data.mjs";
import * as pages from "./pages.mjs";
import { Shop } from "./shop.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";
const FILTERS = ["from", "to", "compare", "category", "product", "city", "segment", "hour", "weekday", "period"];
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

export function start({ port = 8787, scenario = "usual", signIn = false, live = 0 } = {}) {
  const shop = new Shop(scenario);
  const state = {
    shop,
    signIn,
    listeners: new Set(),
    shares: [],
    users: [
      { name: "ines", role: "admin", created_at: "2025-01-04T09:00:00Z" },
      { name: "marta", role: "analyst", created_at: "2025-03-11T09:00:00Z" },
    ],
    tokens: [],
    sources: new Map(SOURCES),
    running: null,
    delay: 0,
    failing: new Set(),
  };
  const server = createServer((request, response) => {
    handle(state, request, response).catch((error) =>
      problem(response, 500, "the mock failed", String(error?.stack ?? error)),
    );
  });
  const timer = live ? setInterval(() => load(state), live * 1000) : null;
  return new Promise((resolve) =>
    server.listen(port, "127.0.0.1", () =>
      resolve({
        state,
        url: `http://127.0.0.1:${server.address().port}`,
        load: (options) => load(state, options),
        close: () =>
          new Promise((done) => {
            clearInterval(timer);
            for (const each of state.listeners) each.end();
            server.close(done);
            server.closeAllConnections();
          }),
      }),
    ),
  );
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-cache", ...headers });
  response.end(body === undefined ? "" : JSON.stringify(body));
}
function problem(response, status, title, detail, hint, more = {}) {
  send(
    response,
    status,
    { type: "about:blank", title, status, detail, ...(hint ? { hint } : {}), ...more },
    { "Content-Type": "application/problem+json" },
  );
}
const tagOf = (answer, batch = "") =>
  `"${batch}${createHash("sha256").update(JSON.stringify(answer)).digest("hex").slice(0, 12)}"`;
const tell = (state, event, data) => {
  for (const each of state.listeners) each.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
};

/** What a link fixes, as pairs; a period has the days that it has today. */
function fixedBy({ filters }) {
  const pairs = Object.entries(filters).flatMap(([name, values]) => [values].flat().map((value) => [name, value]));
  const back = { today: 0, last7: 6, last30: 29, last90: 89, last365: 364 }[[filters.period].flat()[0]];
  return back === undefined ? pairs : [...pairs, ["from", dayText(day(TODAY) - back)], ["to", TODAY]];
}

/** A new batch with one sale in it, as a run would publish it. */
function load(state, { cents = 4990 } = {}) {
  const { shop } = state;
  const number = shop.rows.length ? Number(shop.rows.at(-1).transaction_id.slice(1)) + 1 : 1;
  const goods = products();
  shop.rows.push(
    row({
      number,
      person: customers()[number % 9000],
      item: goods[number % goods.length],
      quantity: 1,
      cents,
      date: day(TODAY),
      text: TODAY,
      moment: NOW_HOUR * 3600 + (number % 3000),
      line: number % 5000,
    }),
  );
  shop.batch += 1;
  shop.loadedAt = new Date().toISOString();
  shop.index();
  tell(state, "batch", { batch: shop.batch, loaded_at: shop.loadedAt });
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

async function handle(state, request, response) {
  const url = new URL(request.url, "http://mock");
  if (!url.pathname.startsWith("/api/")) return serveFile(url, response);
  if (state.delay) await new Promise((done) => setTimeout(done, state.delay));
  const path = url.pathname.replace("/api/v1", "");
  const { searchParams: query } = url;
  const { shop } = state;
  const key = `${request.method} ${path}`;
  if (state.failing.has(path))
    return problem(
      response,
      503,
      "the lake is away",
      "the store at `lake/` does not answer",
      "nothing is lost: the page shows the last figures; look at `shoplake status`",
    );
  const share = request.headers["x-shoplake-share"];
  const shared = share ? state.shares.find((each) => each.token === share) : null;
  if (share && !shared)
    return problem(
      response,
      404,
      "this link is not valid",
      "it has expired or was withdrawn",
      "ask the person who sent it for a new one",
    );
  if (shared) for (const [name] of fixedBy(shared)) query.delete(name);
  for (const [name, value] of shared ? fixedBy(shared) : []) if (name !== "period") query.append(name, value);
  const signedIn = !state.signIn || state.user || shared;
  if (path === "/session") return session(state, request, response, shared);
  if (!signedIn) return problem(response, 401, "sign in first", "this needs a session or a token");

  if (key === "GET /events") {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    response.write(`event: batch\ndata: ${JSON.stringify({ batch: shop.batch, loaded_at: shop.loadedAt })}\n\n`);
    state.listeners.add(response);
    request.on("close", () => state.listeners.delete(response));
    return;
  }
  if (request.method === "GET") {
    const answer = read(state, path, query);
    if (shared && fixedBy(shared).some(([name]) => name !== "compare" && answer?.ignored_filters?.includes(name)))
      return problem(response, 403, "that is not in the link", "this tile cannot be narrowed to what the link shows");
    if (answer === undefined) return problem(response, 404, "not found", `there is nothing at \`${path}\``);
    const tag = tagOf(answer, `${shop.batch}-`);
    if (answer.text !== undefined && path.endsWith("/source")) {
      response.writeHead(200, { "Content-Type": "text/yaml; charset=utf-8", ETag: tagOf(answer.text) });
      return response.end(answer.text);
    }
    if (request.headers["if-none-match"] === tag) return send(response, 304, undefined, { ETag: tag });
    return send(response, 200, answer, { ETag: tag, "Shoplake-Batch": String(shop.batch) });
  }
  return write(state, key, path, await body(request), response, request.headers);
}

function session(state, request, response, shared) {
  if (request.method === "POST")
    return body(request).then((text) => {
      const { name, password } = JSON.parse(text);
      if (password !== "lagoa-lagoa")
        return problem(
          response,
          401,
          "name or password is wrong",
          "nobody was signed in",
          "an admin can set a new password: `shoplake user password NAME`",
        );
      state.user = name;
      return send(response, 200, { user: name });
    });
  if (request.method === "DELETE") {
    state.user = null;
    return send(response, 204);
  }
  const signedIn = !state.signIn || state.user;
  return send(response, 200, {
    user: shared ? null : (state.user ?? null),
    role: shared ? "viewer" : signedIn ? "admin" : null,
    csrf: "mock-csrf",
    sign_in_required: Boolean(state.signIn),
    ...(signedIn || shared
      ? { shop: { name: "Lagoa", time_zone: ZONE, currency: CURRENCY, today: TODAY }, version: "0.1.0" }
      : { shop: { name: "Lagoa" }, version: null }),
    share: shared
      ? {
          dashboard: shared.dashboard ?? null,
          filters: fixedBy(shared),
          expires_at: shared.expires_at,
        }
      : null,
  });
}

function read(state, path, query) {
  const { shop } = state;
  const sales = {
    summary: "summary",
    periods: "periods",
    trend: "trend",
    "top-products": "topProducts",
    categories: "categories",
    segments: "segments",
    heatmap: "heatmap",
    transactions: "transactions",
    "filter-values": "filterValues",
  };
  const [, area, name, rest] = path.split("/");
  if (area === "sales" && sales[name]) return shop[sales[name]](query);
  const runs = () => pages.runs(shop);
  switch (area) {
    case "trust": {
      const clusters = pages.quarantine(shop);
      const last = runs()[0];
      return {
        data_until: shop.dataUntil,
        loaded_at: shop.batch ? shop.loadedAt : null,
        batch: shop.batch,
        quarantine: {
          rows: clusters.reduce((sum, each) => sum + each.rows, 0),
          money: clusters.length ? "6120.44" : null,
        },
        tests: { passed: 26, warned: 1, failed: 0 },
        last_run: last ? { run_id: last.run_id, status: last.status, ended_at: last.ended_at } : null,
        project: { mistakes: [], restart_for: [] },
      };
    }
    case "dashboards":
      if (!name)
        return [
          { name: "sales", title: "Sales" },
          ...[...state.sources].map(([each, source]) => ({ name: each, title: parse(each, source).title })),
        ];
      if (!state.sources.has(name)) return undefined;
      return rest === "source" ? { text: state.sources.get(name) } : parse(name, state.sources.get(name));
    case "tile": {
      const tile = parse(name, state.sources.get(name) ?? "").tiles.find((each) => each.id === rest);
      return tile && tileRows(shop, tile, query);
    }
    case "runs": {
      if (!name)
        return runs()
          .slice(0, Number(query.get("limit") ?? 50))
          .map(pages.runRow);
      const run = runs().find((each) => each.run_id === name);
      return run && { ...run, log: pages.logs(run) };
    }
    case "logs":
      return [];
    case "quarantine":
      return name === "rows"
        ? { rows: pages.quarantineRows(query), more: false }
        : name === "trend"
          ? pages.quarantineTrend()
          : pages.quarantine(shop);
    case "tables":
      return name ? pages.TABLES.find((each) => each.name === name) : pages.TABLES;
    case "lineage":
      return pages.lineage(query.get("node") ?? "sales");
    case "alerts":
      return pages.ALERTS;
    case "health":
      return pages.HEALTH;
    case "shares":
      return state.shares.map(({ token: _token, ...share }) => share);
    case "users":
      return state.users;
    case "tokens":
      return state.tokens;
    case "audit":
      return pages.audit();
    default:
      return undefined;
  }
}

function write(state, key, path, text, response, headers) {
  const [, area, name] = path.split("/");
  const data = () => JSON.parse(text || "{}");
  if (key === "POST /query") {
    const { sql, limit = 1000 } = data();
    if (!/^\s*(select|with)\b/i.test(sql))
      return problem(
        response,
        422,
        "only reading is allowed here",
        `\`${sql.trim().split(/\s/)[0] ?? ""}\` is not a SELECT`,
        "begin with SELECT or WITH",
      );
    if (/slaes/.test(sql))
      return problem(response, 422, "table `slaes` is not known", "line 1, column 15", "did you mean `sales`?", {
        line: 1,
        column: 15,
      });
    const rows = state.shop
      .trend(new URLSearchParams({ from: "2025-05-20", to: TODAY, compare: "none" }))
      .points.map((point) => [point.at, point.transactions, point.revenue]);
    return send(response, 200, {
      columns: [
        { name: "date", type: "date" },
        { name: "transaction_count", type: "integer" },
        { name: "total_revenue", type: "decimal" },
      ],
      rows: rows.slice(0, limit),
      truncated: rows.length > limit,
      scanned_bytes: 48_212,
      seconds: 0.031,
    });
  }
  if (key.startsWith("PUT /dashboards/")) {
    const parsed = parse(name, text);
    if (parsed.errors.length)
      return problem(
        response,
        422,
        "the dashboard is not saved",
        `${parsed.errors.length} errors`,
        "the places are marked",
        { errors: parsed.errors },
      );
    const present = state.sources.get(name) ?? null;
    if (headers["if-match"] !== (present === null ? "*" : tagOf(present)))
      return problem(
        response,
        412,
        "the dashboard was changed meanwhile",
        undefined,
        "read it again, and put your change into what it says now",
        { present },
      );
    state.sources.set(name, text);
    tell(state, "dashboard", { name });
    response.writeHead(200, { "Content-Type": "text/yaml; charset=utf-8" });
    return response.end(text);
  }
  if (key === "POST /shares") {
    const { filters = {} } = data();
    const wrong = Object.keys(filters).find((each) => !FILTERS.includes(each));
    if (wrong)
      return problem(
        response,
        422,
        "that is no filter",
        `\`${wrong}\` is no filter`,
        `the filters are ${FILTERS.join(", ")}`,
      );
    const token = createHash("sha256").update(`${state.shares.length}${text}`).digest("base64url");
    state.shares.push({
      id: `share-${state.shares.length + 1}`,
      token,
      created_at: new Date().toISOString(),
      created_by: "ines",
      ...data(),
    });
    return send(response, 201, { token, url: `/s/${token}` });
  }
  if (key.startsWith("DELETE /shares/")) {
    state.shares = state.shares.filter((each) => each.id !== name);
    return send(response, 204);
  }
  if (key === "POST /runs") {
    state.running = "run-43";
    for (const [index, stage] of ["land", "load", "models", "publish"].entries())
      setTimeout(() => tell(state, "run", { run_id: "run-43", status: "running", stage }), index * 250);
    setTimeout(() => {
      tell(state, "run", { run_id: "run-43", status: "success", stage: "done" });
      load(state);
    }, 1100);
    return send(response, 202, { run_id: "run-43" });
  }
  if (key === "DELETE /runs/current") return send(response, 202, {});
  if (key === "POST /quarantine/replay") return send(response, 202, { run_id: "run-43" });
  if (key === "POST /users") {
    const { password: _password, ...user } = data();
    state.users.push({ created_at: new Date().toISOString(), ...user });
    return send(response, 201, user);
  }
  if (key === "POST /tokens") {
    const token = { id: `token-${state.tokens.length + 1}`, created_at: new Date().toISOString(), ...data() };
    state.tokens.push(token);
    return send(response, 201, { ...token, token: "shoplake_mock_secret" });
  }
  if (key.startsWith("PATCH /users/")) {
    state.users = state.users.map((user) => (user.name === name ? { ...user, ...data() } : user));
    return send(response, 200, { name, ...data() });
  }
  for (const list of ["users", "tokens"])
    if (area === list && key.startsWith("DELETE")) {
      state[list] = state[list].filter((each) => (each.id ?? each.name) !== name);
      return send(response, 204);
    }
  return problem(response, 404, "not found", `there is nothing at \`${path}\``);
}

function serveFile({ pathname, searchParams }, response) {
  // A shared page may stand in another site's page where its address says so; nothing else may.
  const embedded = pathname.startsWith("/s/") && searchParams.get("embed") === "1";
  const wanted = join(DIST, normalize(decodeURIComponent(pathname)));
  const found =
    wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, "index.html");
  if (!existsSync(found)) return problem(response, 404, "no app", "run `npm run build` first");
  response.writeHead(200, {
    "Content-Type": TYPES[extname(found)] ?? "application/octet-stream",
    "Content-Security-Policy": embedded ? CSP.replace("frame-ancestors 'none'", "frame-ancestors *") : CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  });
  createReadStream(found).pipe(response);
}

/** `dist/` before the API of a real server: the app of this folder over its figures. */
export function startBefore(api, port = 0) {
  const target = new URL(api);
  const server = createServer((request, response) => {
    if (!request.url.startsWith("/api/")) return serveFile(new URL(request.url, target), response);
    const passed = ask(
      {
        host: target.hostname,
        port: target.port,
        path: request.url,
        method: request.method,
        headers: {
          ...request.headers,
          host: target.host,
          ...(request.headers.origin ? { origin: target.origin } : {}),
        },
      },
      (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on("error", (error) =>
      response.headersSent ? response.end() : problem(response, 502, "the server is away", String(error)),
    );
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  });
  return new Promise((resolve) =>
    server.listen(port, "127.0.0.1", () =>
      resolve({
        url: `http://127.0.0.1:${server.address().port}`,
        close: () =>
          new Promise((done) => {
            server.close(done);
            server.closeAllConnections();
          }),
      }),
    ),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      scenario: { type: "string" },
      "sign-in": { type: "boolean" },
      live: { type: "string" },
      api: { type: "string" },
    },
  });
  const server = values.api
    ? await startBefore(values.api, Number(values.port ?? 8787))
    : await start({
        port: Number(values.port ?? 8787),
        scenario: values.scenario ?? "usual",
        signIn: values["sign-in"] ?? false,
        live: Number(values.live ?? 0),
      });
  console.log(`the mock shop stands at ${server.url}`);
}
