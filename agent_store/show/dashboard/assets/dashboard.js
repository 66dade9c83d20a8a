/* The page: filters, adds up and draws the rows of the store that are embedded in it. It asks nobody for anything. */
(() => {
  "use strict";

  const page = JSON.parse(document.getElementById("data").textContent);
  const { texts, data, build } = page;
  const main = document.getElementById("main");
  const FILTERS = ["from", "to", "project", "model", "agent", "user"];
  const FEW = 10;
  const FEWER = 5;
  const WEEKS_COMPARED = 12;
  const DAY = 86400000;

  // ---- rows ------------------------------------------------------------------------------------------------------------

  const text = (number) => (number === null || number === undefined ? null : texts[number]);
  const rowsOf = (name) => {
    const first = Object.values(data[name] ?? {})[0];
    return first ? first.length : 0;
  };
  const column = (name, key) => data[name]?.[key] ?? [];

  const sessions = new Map();
  for (let i = 0; i < rowsOf("sessions"); i++) {
    const row = {};
    for (const key of Object.keys(data.sessions)) row[key] = data.sessions[key][i];
    sessions.set(row.session_id, {
      ...row, id: text(row.session_id), project: text(row.project_name) ?? "unknown", user: text(row.user_id) ?? "unknown",
    });
  }
  const unknownSession = { id: "unknown", project: "unknown", user: "unknown", title: null };
  const nameOf = (session) => session.title || `session ${session.id.slice(0, 8)}`;
  const sessionOf = (number) => sessions.get(number) ?? unknownSession;

  /** The rows of a data set that the filters let through; `without` names filters to leave out. */
  function* selected(name, without = []) {
    const f = Object.fromEntries(FILTERS.map((key) => [key, without.includes(key) ? null : state[key]]));
    const days = column(name, "usage_date");
    const ids = column(name, "session_id");
    const models = column(name, "model_name");
    const agents = column(name, "agent_name");
    for (let i = 0; i < rowsOf(name); i++) {
      if ((f.from || f.to) && days[i] === null) continue;
      if (f.from && days[i] < f.from) continue;
      if (f.to && days[i] > f.to) continue;
      if (f.model && text(models[i]) !== f.model) continue;
      if (f.agent && text(agents[i]) !== f.agent) continue;
      if (f.project && sessionOf(ids[i]).project !== f.project) continue;
      if (f.user && sessionOf(ids[i]).user !== f.user) continue;
      yield i;
    }
  }

  /** A sum as SQL makes it: NULL where there is nothing but NULL. */
  const add = (sum, value) => (value === null || value === undefined ? sum : (sum ?? 0) + value);

  function total(name, key, rows) {
    const values = column(name, key);
    let sum = null;
    for (const i of rows) sum = add(sum, values[i]);
    return sum;
  }

  /** Sums of columns by a key, as a Map from the key to an object. */
  function grouped(name, keyOf, keys, rows) {
    const groups = new Map();
    for (const i of rows) {
      const key = keyOf(i);
      let group = groups.get(key);
      if (!group) groups.set(key, (group = Object.fromEntries(keys.map((one) => [one, null]))));
      for (const one of keys) group[one] = add(group[one], data[name][one][i]);
    }
    return groups;
  }

  const byCost = (key) => (a, b) => (b[key] ?? -1) - (a[key] ?? -1);
  const median = (values) => {
    const sorted = values.filter((one) => one !== null).sort((a, b) => a - b);
    if (!sorted.length) return null;
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  };
  const mondayOf = (day) => {
    const time = Date.parse(day);
    return new Date(time - ((new Date(time).getUTCDay() + 6) % 7) * DAY).toISOString().slice(0, 10);
  };

  // ---- the SQL behind a number -------------------------------------------------------------------------------------------

  // Names are shown with codes for characters that cannot be seen; SQL needs the names themselves.
  const namesShownAs = new Map();
  texts.forEach((shown, i) => {
    const name = page.unseen[i] ? String.fromCodePoint(...page.unseen[i]) : shown;
    namesShownAs.set(shown, [...(namesShownAs.get(shown) ?? []), name]);
  });
  const quoted = (value) => `'${String(value).replaceAll("'", "''")}'`
    .replace(/(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/gu, (letter) => `' || chr(${letter.codePointAt(0)}) || '`);
  function is(column, shown) {
    const names = (namesShownAs.get(shown) ?? [shown]).map(quoted);
    return names.length === 1 ? `${column} = ${names[0]}` : `${column} in (${names.join(", ")})`;
  }

  /** The filters as conditions on a view. */
  function conditions(view, { without = [], more = [] } = {}) {
    const isSpending = view === "v_spending";
    const f = Object.fromEntries(FILTERS.map((key) => [key, without.includes(key) ? null : state[key]]));
    const found = [...more];
    if (f.from) found.push(`usage_date >= date ${quoted(f.from)}`);
    if (f.to) found.push(`usage_date <= date ${quoted(f.to)}`);
    if (f.model) found.push(is("model_name", f.model));
    if (f.agent) found.push(is(isSpending ? page.agent_of_spending : "agent_name", f.agent));
    if (f.project) {
      const ofProject = is("coalesce(project_name, 'unknown')", f.project);
      // Sessions without a response have no spending, and expired ones no report.
      found.push(isSpending ? ofProject : `session_id in (
        select session_id from v_spending where ${ofProject}
        union
        select session_id from v_session_report where ${ofProject}
    )`);
    }
    if (f.user) {
      // An expired session has no report: nobody knows whose it was.
      found.push(f.user === "unknown" ? "session_id not in (select session_id from v_session_report where user_id <> 'unknown')"
        : `session_id in (select session_id from v_session_report where ${is("user_id", f.user)})`);
    }
    return found.length ? `\nwhere ${found.join("\n    and ")}` : "";
  }

  const select = (what, view, rest = "", options = {}) => `select ${what}\nfrom ${view}${conditions(view, options)}${rest}`;

  function sqlButton(sql, label) {
    return el("button", {
      type: "button", class: "sql", "data-sql": sql, "aria-label": `SQL of ${label}`, title: "The SQL behind this",
      onclick: () => showSql(sql, label),
    }, "SQL");
  }

  function showSql(sql, label) {
    const dialog = document.getElementById("sql");
    dialog.querySelector("h2").textContent = label;
    dialog.querySelector("pre").textContent = sql;
    dialog.querySelector("output").textContent = "";
    dialog.showModal();
  }

  // ---- how things look ---------------------------------------------------------------------------------------------------

  function el(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  }

  const number = (value) => (value ?? 0).toLocaleString("en-US");
  function dollars(value) {
    if (value === null || value === undefined) return "no price";
    if (value > 0 && value < 0.01) return "<$0.01";
    const shown = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    return (value < 0 && shown !== "0.00" ? "-$" : "$") + shown;
  }
  function short(value) {
    for (const [size, unit] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
      if (value >= size * 0.9995) return `${(value / size).toFixed(1)}${unit}`;
    }
    return number(value);
  }
  const percent = (value) => (value === null || Number.isNaN(value) ? "–" : `${(100 * value).toFixed(1)} %`);
  const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
  const weekday = (day) => new Date(`${day}T00:00Z`).toLocaleDateString("en-US", { weekday: "short", timeZone: "UTC" });
  function cutMiddle(value, most = 56) {
    const letters = [...value];
    const front = Math.floor(most / 3);
    return letters.length <= most ? value : `${letters.slice(0, front).join("")}…${letters.slice(front + 1 - most).join("")}`;
  }
  const pathEnd = (path) => path.split(/[/\\]/).slice(-3).join("/");
  function duration(seconds) {
    if (seconds === null || seconds === undefined) return "–";
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
  const value = (raw, shown) => el("data", { value: raw === null ? "" : String(raw) }, shown);

  function tile({ id, label, raw, shown, note, sql, tone }) {
    return el("div", { class: `tile ${tone ?? ""}`, id: `tile-${id}` },
      el("div", { class: "tile-head" }, el("h3", {}, label), sql && sqlButton(sql, label)),
      el("p", { class: "number" }, value(raw, shown)),
      note && el("p", { class: "note" }, note));
  }

  const section = (id, title, { sql, note } = {}, ...content) => el("section", { id, "aria-labelledby": `${id}-title` },
    el("div", { class: "section-head" }, el("h2", { id: `${id}-title` }, title), sql && sqlButton(sql, title)),
    note && el("p", { class: "note" }, note), ...content);

  const link = (label, target, properties = {}) => el("a", { href: hashOf(target), ...properties }, label);

  const projectLink = ({ project }) => link(cutMiddle(project), { project }, { title: project });

  function copyable(command) {
    const output = el("output", { class: "note" });
    return el("p", { class: "command" }, el("code", {}, command),
      el("button", { type: "button", onclick: () => copy(command, output) }, "Copy"), output);
  }

  function copy(what, output) {
    const done = () => { output.textContent = "Copied."; };
    const byHand = () => {
      const area = el("textarea", { class: "offscreen", "aria-hidden": "true" });
      area.value = what;
      (output.closest("dialog") ?? document.body).append(area);
      area.select();
      output.textContent = document.execCommand("copy") ? "Copied." : "Select the text and copy it.";
      area.remove();
    };
    if (navigator.clipboard && window.isSecureContext) navigator.clipboard.writeText(what).then(done, byHand);
    else byHand();
  }

  const tableStates = new Map();

  /** A table that is sorted by its headers and filtered by a word; shows few rows until asked for all. */
  function table({ id, caption, columns, rows, sort, ascending = false, few = FEW, empty = "Nothing here." }) {
    const kept = tableStates.get(id) ?? { sort: sort ?? null, descending: !ascending, all: false, word: "" };
    tableStates.set(id, kept);
    const place = el("div");
    const foot = el("div", { class: "foot" });
    const holder = el("div", { class: "table", id }, place, foot);
    const searched = (row) => columns.map((one) => one.text?.(row) ?? "").join(" ").toLowerCase();

    function draw(focus) {
      let shown = kept.word ? rows.filter((row) => searched(row).includes(kept.word.toLowerCase())) : [...rows];
      const by = columns.find((one) => one.key === kept.sort);
      if (by) {
        const sign = kept.descending ? -1 : 1;
        shown.sort((a, b) => {
          const [x, y] = [by.value(a), by.value(b)];
          if (x === y) return 0;
          if (x === null || x === undefined) return 1;
          if (y === null || y === undefined) return -1;
          return (x < y ? -1 : 1) * sign;
        });
      }
      const found = shown.length;
      if (!kept.all) shown = shown.slice(0, few);
      const head = columns.map((one) => el("th", {
        scope: "col", class: one.numeric ? "numeric" : null,
        "aria-sort": kept.sort === one.key ? (kept.descending ? "descending" : "ascending") : null,
      }, el("button", {
        type: "button", "data-key": one.key,
        onclick: () => {
          kept.descending = kept.sort === one.key ? !kept.descending : Boolean(one.numeric);
          kept.sort = one.key;
          draw(one.key);
        },
      }, one.label)));
      const body = shown.map((row) => el("tr", {}, columns.map((one, index) => el(index ? "td" : "th", {
        class: one.numeric ? "numeric" : null, scope: index ? null : "row", "data-label": one.label,
      }, one.show(row)))));
      const scroller = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
        el("table", {}, el("caption", { class: "offscreen" }, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, body)));
      const more = rows.length > few && el("button", {
        type: "button", class: "more", "data-key": "more",
        onclick: () => { kept.all = !kept.all; draw("more"); },
      }, kept.all ? `Show ${few}` : `Show all ${number(found)}`);
      place.replaceChildren(found ? scroller : el("p", { class: "empty note" }, rows.length ? "No row has that." : empty));
      foot.querySelector(".more")?.remove();
      if (more) foot.prepend(more);
      if (focus) holder.querySelector(`button[data-key="${focus}"]`)?.focus();
    }

    if (rows.length > few) {
      const input = el("input", { type: "search", "aria-label": `Filter: ${caption}`, placeholder: "Filter rows", value: kept.word });
      input.addEventListener("input", () => { kept.word = input.value; draw(); });
      foot.append(input);
    }
    draw();
    return holder;
  }

  // ---- state: filters and the place in the page, kept in the address so that reload, back and links work ------------------

  let state = {};
  const isDay = (day) => /^\d{4}-\d\d-\d\d$/.test(day ?? "") && !Number.isNaN(Date.parse(day))
    && new Date(day).toISOString().startsWith(day);
  function readState() {
    const found = new URLSearchParams(location.hash.slice(1));
    state = Object.fromEntries([...FILTERS, "view", "id", "line"].map((key) => [key, found.get(key) || null]));
    for (const key of ["from", "to"]) if (!isDay(state[key])) state[key] = null;
    if (!views.has(state.view) || (state.view === "line" && !(state.id && /^\d+$/.test(state.line)))) {
      Object.assign(state, { view: null, id: null, line: null });
    }
  }
  function hashOf(change) {
    const next = new URLSearchParams();
    for (const [key, one] of Object.entries({ ...state, view: null, id: null, line: null, ...change })) if (one) next.set(key, one);
    return `#${next}`;
  }
  const go = (change) => { location.hash = hashOf(change); };

  // ---- sections ----------------------------------------------------------------------------------------------------------

  const groupColor = new Map();
  function colorOf(group) {
    if (!groupColor.size) {
      const all = grouped("causes", (i) => text(data.causes.cause_group[i]), ["cost_usd"], [...Array(rowsOf("causes")).keys()]);
      [...all.entries()].sort((a, b) => byCost("cost_usd")(a[1], b[1])).forEach(([name], index) => groupColor.set(name, `var(--c${(index % 12) + 1})`));
    }
    return groupColor.get(group) ?? "var(--c12)";
  }

  function money(rows) {
    const spent = total("spending", "cost_usd", rows);
    const unpriced = total("spending", "unpriced_response_count", rows) ?? 0;
    const byModel = grouped("spending", (i) => text(data.spending.model_name[i]), ["unpriced_response_count"], rows);
    const named = [...byModel].filter(([, one]) => one.unpriced_response_count).sort((a, b) => b[1].unpriced_response_count - a[1].unpriced_response_count)
      .map(([name, one]) => `${cutMiddle(name, 40)} (${number(one.unpriced_response_count)})`);
    const responses = total("spending", "response_count", rows) ?? 0;
    const ids = new Set(rows.map((i) => data.spending.session_id[i]));
    const tokens = total("spending", "total_tokens", rows) ?? 0;

    const undatedFilters = ["from", "to"];
    const weeks = grouped("spending", (i) => mondayOf(data.spending.usage_date[i]), ["cost_usd"],
      [...selected("spending", undatedFilters)].filter((i) => data.spending.usage_date[i] !== null && data.spending.usage_date[i] <= page.today));
    // Where there was no use this week, the last one with use.
    const thisWeek = mondayOf(page.today);
    const monday = weeks.has(thisWeek) ? thisWeek : [...weeks.keys()].reduce((last, one) => (one > last ? one : last), "") || thisWeek;
    const week = weeks.has(monday) ? weeks.get(monday).cost_usd : 0;
    const earlier = [...weeks].filter(([key]) => key < monday).sort((a, b) => (a[0] < b[0] ? 1 : -1)).slice(0, WEEKS_COMPARED);
    const usual = median(earlier.map(([, one]) => one.cost_usd));
    const change = usual && week !== null ? week / usual - 1 : null;

    const misses = total("spending", "cache_miss_count", rows) ?? 0;
    const extra = total("spending", "miss_extra_cost_usd", rows) ?? 0;
    const read = total("spending", "cache_read_tokens", rows) ?? 0;
    const sent = read + (total("spending", "cache_write_tokens", rows) ?? 0) + (total("spending", "uncached_input_tokens", rows) ?? 0);

    const hits = sent ? read / sent : null;

    const causeRows = [...selected("causes")];
    const caused = total("causes", "cost_usd", causeRows);
    const estimated = total("causes", "estimated_cost_usd", causeRows) ?? 0;
    const measured = caused ? 1 - estimated / caused : null;

    return el("div", { class: "tiles" },
      tile({
        id: "spent", label: "Spent", raw: spent, shown: dollars(rows.length ? spent : 0),
        note: unpriced ? ["+ ", value(unpriced, plural(unpriced, "response")), ` without a price: ${named.slice(0, 3).join(", ")}${named.length > 3 ? ` and ${named.length - 3} more models` : ""}`]
          : "every response has a price",
        sql: select("sum(cost_usd) as cost_usd, sum(unpriced_response_count) as unpriced_response_count", "v_spending"),
      }),
      tile({
        id: "week", label: monday === thisWeek ? "This week" : "Last week with use", raw: week, shown: dollars(week), tone: change > 0.25 ? "warn" : "",
        note: [
          monday === thisWeek ? null : `from ${monday}; nothing this week`,
          usual === null ? "no earlier week to compare with" : !week || change === null ? null
            : `${Math.abs(Math.round(100 * change))} % ${change > 0 ? "more" : "less"} than a usual week`,
        ].filter(Boolean).join("; "),
        sql: select("case when count(*) = 0 then 0 else sum(cost_usd) end", "v_spending", "", {
          without: undatedFilters, more: [`date_trunc('week', usage_date) = date ${quoted(monday)}`, `usage_date <= date ${quoted(page.today)}`],
        }),
      }),
      tile({
        id: "usual", label: "A usual week", raw: usual, shown: usual === null ? "–" : dollars(usual),
        note: `median of the ${plural(earlier.length, "week")} with use before it`,
        sql: `select median(cost_usd) from (\n${select("date_trunc('week', usage_date) as week, sum(cost_usd) as cost_usd", "v_spending",
          `\ngroup by week\norder by week desc\nlimit ${WEEKS_COMPARED}`, { without: undatedFilters, more: [`usage_date < date ${quoted(monday)}`] })}\n)`,
      }),
      tile({
        id: "misses", label: "Cache misses", raw: extra, shown: dollars(extra), tone: spent && extra / spent > 0.05 ? "warn" : "",
        note: [value(misses, plural(misses, "miss", "misses")), "; ", value(hits, percent(hits)), " of input read from the cache"],
        sql: select(`coalesce(sum(miss_extra_cost_usd), 0) as miss_extra_cost_usd,\n    coalesce(sum(cache_miss_count), 0) as cache_miss_count,\n    sum(cache_read_tokens) / nullif(sum(cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + uncached_input_tokens), 0) as cache_hit_ratio`, "v_spending"),
      }),
      tile({
        id: "measured", label: "Measured", raw: measured, shown: percent(measured),
        note: "of the cost has a measured cause; the rest is attributed by estimate",
        sql: select("1 - sum(estimated_cost_usd) / nullif(sum(cost_usd), 0)", "v_cost_cause"),
      }),
      tile({
        id: "responses", label: "API responses", raw: responses, shown: number(responses),
        note: [value(ids.size, plural(ids.size, "session")), " · ", value(tokens, short(tokens)), " tokens"],
        sql: select("coalesce(sum(response_count), 0) as response_count,\n    count(distinct session_id) as session_count,\n    coalesce(sum(total_tokens), 0) as total_tokens", "v_spending"),
      }));
  }

  const notInStore = () => page.missing.map((one) => `not in this store: ${one}`);

  function coverage(rows) {
    const days = new Set(rows.map((i) => data.spending.usage_date[i]).filter((day) => day !== null));
    const sorted = [...days].sort();
    // A day is complete if the store has all of it in each project. Models, agents and users do not matter here.
    const judged = new Map();
    column("completeness", "activity_date").forEach((day, i) => {
      const project = text(data.completeness.project_name[i]);
      if ((state.from && day < state.from) || (state.to && day > state.to) || (state.project && project !== state.project)) return;
      const isComplete = data.completeness.is_complete[i];
      const before = judged.has(day) ? judged.get(day) : true;
      judged.set(day, before === false || isComplete === false ? false : before === null || isComplete === null ? null : true);
    });
    const daysThat = (wanted) => [...judged].filter(([, one]) => one === wanted).map(([day]) => day);
    const lost = daysThat(false), complete = daysThat(true), unknown = daysThat(null);
    const completeSql = (columns, more = []) => [`select ${columns}\nfrom v_completeness`, [
      state.from && `activity_date >= date ${quoted(state.from)}`, state.to && `activity_date <= date ${quoted(state.to)}`,
      state.project && is("project_name", state.project), ...more].filter(Boolean).join("\n    and ")].filter(Boolean).join("\nwhere ");
    const span = sorted.length ? Math.round((Date.parse(sorted.at(-1)) - Date.parse(sorted[0])) / DAY) + 1 : 0;
    const missing = [];
    if (lost.length) {
      missing.push([value(lost.length, plural(lost.length, "day")), ` known to be incomplete: ${lost.slice(0, 5).join(", ")}${lost.length > 5 ? " …" : ""} `,
        sqlButton(completeSql("distinct activity_date", ["is_complete is false"]), "Days that are not complete")]);
    }
    if (unknown.length && complete.length) missing.push(`${plural(unknown.length, "day")} without a witness: whether they are complete is not known`);
    if (build.set_aside_line_count) missing.push(`${plural(build.set_aside_line_count, "line")} set aside as unreadable`);
    if (build.set_aside_session_count) missing.push(`${plural(build.set_aside_session_count, "session")} left out by a guard`);
    if (build.stale_table_count) missing.push(`${plural(build.stale_table_count, "table")} kept from an earlier build`);
    missing.push(...notInStore());
    return section("coverage", "Days covered", {
      sql: select("count(distinct usage_date), min(usage_date), max(usage_date)", "v_spending"),
    }, el("p", { class: "lead" },
      value(days.size, plural(days.size, "day")), " with use",
      sorted.length ? ` in ${plural(span, "day")}, ${sorted[0]} to ${sorted.at(-1)} (${build.timezone}). ` : ". ",
      complete.length || (lost.length && !unknown.length)
        ? [`The store covers ${number(complete.length)} of ${plural(judged.size, "day")} with activity. `,
          sqlButton(completeSql("activity_date, bool_and(is_complete is true) as is_complete, bool_or(is_complete is false) as is_incomplete") + "\ngroup by activity_date\norder by activity_date", "Days covered")]
        : judged.size ? `No witness says whether ${unknown.length < judged.size ? `${number(unknown.length)} of ` : ""}${judged.size === 1 ? "this day is" : "these days are"} complete.` : ""),
    missing.length ? el("ul", { class: "plain" }, missing.map((one) => el("li", {}, one)))
      : el("p", { class: "note" }, "Nothing is known to be missing."));
  }

  function alerts() {
    return rowsOf("alerts") ? el("ul", { class: "alerts", role: "status" }, column("alerts", "message").map((message, i) => el("li", { class: data.alerts.status[i] }, message))) : null;
  }

  function perDay(rows) {
    const dated = rows.filter((i) => data.spending.usage_date[i] !== null);
    const byDay = grouped("spending", (i) => data.spending.usage_date[i], ["cost_usd", "response_count"], dated);
    const theirs = grouped("ccusage", (i) => data.ccusage.usage_date[i], ["ccusage_cost_usd"], [...selected("ccusage")].filter((i) => data.ccusage.usage_date[i] !== null));
    const daySessions = new Map();
    for (const i of dated) {
      const day = data.spending.usage_date[i];
      if (!daySessions.has(day)) daySessions.set(day, new Set());
      daySessions.get(day).add(data.spending.session_id[i]);
    }
    const parts = !rowsOf("causes") ? new Map([...byDay].map(([day, one]) => [`${day}\tCost`, one])) : grouped("causes", (i) => `${data.causes.usage_date[i]}\t${text(data.causes.cause_group[i])}`, ["cost_usd"],
      [...selected("causes")].filter((i) => data.causes.usage_date[i] !== null));
    const days = [...byDay.keys()].sort();
    const ours = total("spending", "cost_usd", rows);
    const undated = total("spending", "cost_usd", rows.filter((i) => data.spending.usage_date[i] === null));
    const other = total("ccusage", "ccusage_cost_usd", [...selected("ccusage")]);
    const readout = el("output", { class: "readout", "aria-live": "off" }, "Click a day to see its sessions.");
    const saying = (day) => {
      const one = byDay.get(day);
      return `${day} ${weekday(day)}: ${dollars(one.cost_usd)} · ccusage ${dollars(theirs.get(day)?.ccusage_cost_usd ?? 0)} · ${plural(daySessions.get(day).size, "session")}`;
    };
    const holder = el("div", { class: "chart", id: "day-chart" });
    const legend = el("p", { class: "legend", "aria-hidden": "true" });
    if (days.length) {
      const groups = [...new Set([...parts.keys()].map((key) => key.split("\t")[1]))].sort((a, b) => [...groupColor.keys()].indexOf(a) - [...groupColor.keys()].indexOf(b));
      groups.forEach((group) => legend.append(el("span", { class: "nowrap" }, el("span", { class: `swatch ${swatchClass(group)}` }), ` ${group}`)));
      legend.append(el("span", { class: "nowrap" }, el("span", { class: "swatch line" }), " ccusage daily"));
      const span = (Date.parse(days.at(-1)) - Date.parse(days[0])) / DAY + 1;
      const isSparse = span > 60 && days.length < span / 3;
      // The slots of the axis: every day, or where most days are idle only those with use.
      const slots = isSparse ? days : [...Array(span).keys()].map((i) => new Date(Date.parse(days[0]) + i * DAY).toISOString().slice(0, 10));
      const slotOf = new Map(slots.map((day, i) => [day, i]));
      const bars = [...parts].map(([key, one]) => {
        const [day, group] = key.split("\t");
        return { slot: slotOf.get(day), group, cost: Math.max(one.cost_usd, 0) };
      });
      const line = slots.map((day, i) => ({ slot: i + 0.5, cost: theirs.get(day)?.ccusage_cost_usd ?? 0 }));
      if (isSparse) legend.append(el("span", { class: "nowrap" }, `· ${plural(span - days.length, "day")} without use left out`));
      charts.push({
        holder,
        draw(width) {
          const most = Math.max(2, Math.floor(width / 74));
          const step = Math.max(1, Math.ceil(slots.length / most));
          const chart = Plot.plot({
            width, height: width < 500 ? 200 : 230, marginLeft: 52, marginRight: 34, marginBottom: 24,
            x: {
              type: "linear", domain: [0, slots.length], label: null, tickSize: 0,
              ticks: slots.map((_, i) => i + 0.5).filter((_, i) => i % step === 0), tickFormat: (at) => slots[Math.floor(at)] ?? "",
            },
            y: { label: null, grid: true, tickFormat: (one) => (one % 1 ? dollars(one) : `$${number(one)}`), ticks: 5, zero: true },
            color: { domain: groups, range: groups.map(colorOf) },
            ariaLabel: `Cost per day, ${days[0]} to ${days.at(-1)}: ${dollars(ours)} in all; ccusage daily would say ${dollars(other)}. The table below has each day.`,
            marks: [
              Plot.rectY(bars, Plot.stackY({ x1: "slot", x2: (one) => one.slot + 1, y: "cost", fill: "group", order: groups, insetLeft: width / slots.length < 4 ? 0 : 1, insetRight: width / slots.length < 4 ? 0 : 1 })),
              Plot.lineY(line, { x: "slot", y: "cost", stroke: "var(--line)", strokeWidth: 1.5, curve: "step" }),
              Plot.ruleY([0], { stroke: "var(--muted)" }),
            ],
          });
          chart.setAttribute("role", "img");
          const scale = chart.scale("x");
          const nearest = (event) => {
            const box = chart.getBoundingClientRect();
            const at = scale.invert(((event.clientX - box.left) / box.width) * width) - 0.5;
            return days.reduce((best, day) => (Math.abs(slotOf.get(day) - at) < Math.abs(slotOf.get(best) - at) ? day : best));
          };
          chart.addEventListener("pointermove", (event) => { readout.textContent = saying(nearest(event)); });
          chart.addEventListener("click", (event) => { const day = nearest(event); go({ from: day, to: day }); });
          return chart;
        },
      });
    }
    const list = days.map((day) => ({ day, ...byDay.get(day), theirs: theirs.get(day)?.ccusage_cost_usd ?? 0, sessions: daySessions.get(day).size }));
    return section("per-day", "Cost per day", {
      sql: select("usage_date, sum(cost_usd) as cost_usd", "v_spending", "\ngroup by usage_date\norder by usage_date"),
    }, holder, legend, readout,
    el("p", { class: "note" }, "With these filters: ", value(ours, dollars(ours ?? 0)), " here, ", el("code", {}, "ccusage daily"), " would say ",
      value(other, dollars(other ?? 0)), ". ", undated ? `${dollars(undated)} of it has no day in the log. ` : "", sqlButton(select("sum(ccusage_cost_usd)", "v_ccusage_day"), "ccusage daily"), " ",
      rowsOf("reconciliation") ? el("details", {}, el("summary", {}, "Why they differ, over all days"),
        sqlButton("select cause, sum(our_usd) as our_usd, sum(their_usd) as their_usd, sum(difference_usd) as difference_usd\nfrom v_reconciliation\nwhere comparison = 'ccusage daily'\ngroup by cause\norder by abs(sum(difference_usd)) desc, cause", "the differences"), table({
        id: "reconciliation", caption: "Differences to ccusage daily by cause, over all days", sort: null,
        rows: [...Array(rowsOf("reconciliation")).keys()],
        columns: [
          { key: "cause", label: "Cause", value: (i) => data.reconciliation.cause[i], text: (i) => data.reconciliation.cause[i], show: (i) => data.reconciliation.cause[i].replaceAll("_", " ") },
          ...numeric("our_usd", "Here", (i) => data.reconciliation.our_usd[i], dollars),
          ...numeric("their_usd", "ccusage", (i) => data.reconciliation.their_usd[i], dollars),
          ...numeric("difference_usd", "Difference", (i) => data.reconciliation.difference_usd[i], dollars),
        ],
      })) : null),
    el("details", { class: "days" }, el("summary", {}, `Each day as a table (${number(days.length)})`), table({
      id: "days", caption: "Cost per day", rows: list, sort: "day",
      columns: [
        { key: "day", label: "Day", value: (one) => one.day, text: (one) => one.day, show: (one) => link(`${one.day} ${weekday(one.day)}`, { from: one.day, to: one.day }) },
        ...numeric("cost_usd", "Cost", (one) => one.cost_usd, dollars),
        ...numeric("theirs", "ccusage", (one) => one.theirs, dollars),
        ...numeric("response_count", "Responses", (one) => one.response_count, number),
        ...numeric("sessions", "Sessions", (one) => one.sessions, number),
      ],
    })));
  }

  // Groups whose parts have names that somebody gave them; the others have kinds of segment and causes.
  const NAMED = ["Tool calls and results", "Subagents", "MCP servers", "Hooks"];
  const inWords = (group, name) => (NAMED.includes(group) || !/^[a-z0-9_]+$/.test(name) ? name : name.replaceAll("_", " "));
  const numeric = (key, label, of, format) => [{ key, label, numeric: true, value: of, text: (row) => format(of(row)), show: (row) => value(of(row) ?? null, format(of(row))) }];
  const swatchClass = (group) => `g${/c(\d+)/.exec(colorOf(group))[1]}`;

  /** What caused the dollars of some rows: one bar, and a table that opens each group. */
  function causes(id, rows, sql) {
    const groups = grouped("causes", (i) => text(data.causes.cause_group[i]), ["cost_usd", "estimated_cost_usd"], rows);
    const names = new Map();
    for (const [key, one] of grouped("causes", (i) => `${data.causes.cause_group[i]}\t${data.causes.cause_name[i]}`, ["cost_usd"], rows)) {
      const [group, name] = key.split("\t").map((part) => text(Number(part)));
      if (!names.has(group)) names.set(group, []);
      names.get(group).push({ name, ...one });
    }
    const all = total("causes", "cost_usd", rows) ?? 0;
    const list = [...groups].map(([group, one]) => ({ group, ...one })).sort(byCost("cost_usd"));
    const bar = el("div", { class: "bar", "aria-hidden": "true" });
    for (const one of list) {
      const part = el("span", { class: swatchClass(one.group), title: `${one.group}: ${dollars(one.cost_usd)}, ${percent(one.cost_usd / all)}` });
      part.style.flexGrow = String(Math.max(one.cost_usd, 0));
      bar.append(part);
    }
    return [
      el("p", { class: "lead" }, value(all, dollars(all)), " in all"), bar,
      table({
        id, caption: "What caused the cost", rows: list, sort: "cost_usd", few: FEWER + 1,
        columns: [
          {
            key: "group", label: "Cause", value: (one) => one.group, text: (one) => one.group,
            show: (one) => el("details", {}, el("summary", {}, el("span", { class: `swatch ${swatchClass(one.group)}` }), " ", one.group),
              el("ol", { class: "names" }, names.get(one.group).sort(byCost("cost_usd")).slice(0, FEW).map((part) => el("li", {},
                el("span", { title: part.name }, cutMiddle(inWords(one.group, part.name))), " ", value(part.cost_usd, dollars(part.cost_usd)))),
              names.get(one.group).length > FEW && el("li", { class: "note" }, `${number(names.get(one.group).length - FEW)} more`))),
          },
          ...numeric("cost_usd", "Cost", (one) => one.cost_usd, dollars),
          ...numeric("share", "Share", (one) => (all ? one.cost_usd / all : null), percent),
          ...numeric("estimated", "Estimated", (one) => (one.cost_usd ? one.estimated_cost_usd / one.cost_usd : 0), percent),
        ],
      }),
      sql && sqlButton(sql, "What caused it"),
    ];
  }

  const causeSql = (more = []) => select("cause_group, sum(cost_usd) as cost_usd", "v_cost_cause", "\ngroup by cause_group\norder by cost_usd desc", { more });

  function expensive(rows) {
    const costs = grouped("spending", (i) => data.spending.session_id[i], ["cost_usd"], rows);
    const list = [...costs].map(([key, one]) => ({ ...sessionOf(key), ...one }));
    const skills = [...grouped("skills", (i) => text(data.skills.skill_name[i]), ["work_cost_usd", "invocation_count", "failed_invocation_count"], [...selected("skills")])]
      .map(([name, one]) => ({ name, ...one }));
    const files = [...grouped("files", (i) => text(data.files.file_path[i]), ["cost_usd"], [...selected("files")])]
      .map(([name, one]) => ({ name, ...one }));
    const named = (name, shown = name) => el("span", { title: name }, shown);
    return el("div", { class: "expensive" },
      section("sessions", "Most expensive sessions", {
        sql: select("session_id, sum(cost_usd) as cost_usd", "v_spending", "\ngroup by session_id\norder by cost_usd desc nulls last"),
      }, table({
        id: "session-table", caption: "Sessions by cost", rows: list, sort: "cost_usd", few: FEWER,
        columns: [
          { key: "title", label: "Session", value: (one) => nameOf(one).toLowerCase(), text: (one) => `${one.title ?? ""} ${one.id}`, show: (one) => link(nameOf(one), { view: "session", id: one.id }, { "data-id": one.id, title: nameOf(one) }) },
          ...numeric("cost_usd", "Cost", (one) => one.cost_usd, dollars),
          { key: "project", label: "Project", value: (one) => one.project.toLowerCase(), text: (one) => one.project, show: (one) => projectLink(one) },
          { key: "started_at", label: "Started", value: (one) => one.started_at, text: (one) => one.started_at ?? "", show: (one) => el("span", { class: "nowrap", title: one.started_at ?? "" }, one.started_at?.slice(0, 10) ?? "–") },
        ],
      })),
      section("skills", "Most expensive skills", {
        note: "Cost of the responses given under them.",
        sql: select("skill_name, sum(work_cost_usd) as cost_usd", "v_skill_work_day", "\ngroup by skill_name\norder by cost_usd desc nulls last"),
      }, table({
        id: "skill-table", caption: "Skills by cost of the responses given under them; one under two nested skills counts for both", rows: skills, sort: "work_cost_usd", few: FEWER, empty: "No skill or slash command was used.",
        columns: [
          { key: "name", label: "Skill", value: (one) => one.name, text: (one) => one.name, show: (one) => named(one.name, cutMiddle(one.name)) },
          ...numeric("work_cost_usd", "Cost", (one) => one.work_cost_usd, dollars),
          ...numeric("invocation_count", "Runs", (one) => one.invocation_count, number),
          ...numeric("failed_invocation_count", "Failed", (one) => one.failed_invocation_count, number),
        ],
      })),
      section("files", "Most expensive files", {
        note: "Cost of their text in every request.",
        sql: select("file_path, sum(cost_usd) as cost_usd", "v_file_cost_day", "\ngroup by file_path\norder by cost_usd desc nulls last"),
      }, table({
        id: "file-table", caption: "Files by cost of their text in contexts", rows: files, sort: "cost_usd", few: FEWER, empty: "No text of a file was in a context.",
        columns: [
          { key: "name", label: "File", value: (one) => one.name, text: (one) => one.name, show: (one) => el("span", { title: one.name, class: "path" }, cutMiddle(pathEnd(one.name), 26)) },
          ...numeric("cost_usd", "Cost", (one) => one.cost_usd, dollars),
        ],
      })));
  }

  function outcomes() {
    const rows = [...selected("outcomes")];
    const sum = (key) => total("outcomes", key, rows) ?? 0;
    const part = (id, label, all, good, bad, words, columns) => {
      const counts = [good, bad, all - good - bad];
      return el("div", { class: "tile", id: `tile-${id}` },
        el("div", { class: "tile-head" }, el("h3", {}, label), sqlButton(select(columns.map((one) => `coalesce(sum(${one}), 0)`).join(",\n    "), "v_outcome_day"), label)),
        el("p", { class: "number" }, value(all, number(all))),
        el("div", { class: "bar small", "aria-hidden": "true" }, ["good", "bad", "rest"].map((tone, i) => {
          const one = el("span", { class: tone });
          one.style.flexGrow = String(counts[i]);
          return one;
        })),
        el("p", { class: "note" }, value(good, number(good)), ` ${words[0]} · `, value(bad, number(bad)), ` ${words[1]}`,
          counts[2] && words[2] ? ` · ${number(counts[2])} ${words[2]}` : ""));
    };
    return section("outcomes", "How it went", {}, el("div", { class: "tiles" },
      part("tasks", "Tasks", sum("task_count"), sum("successful_task_count"), sum("failed_task_count"),
        ["succeeded", "failed", "without evidence"], ["task_count", "successful_task_count", "failed_task_count"]),
      part("tests", "Test runs", sum("test_run_count"), sum("passed_test_run_count"), sum("failed_test_run_count"),
        ["passed", "failed", "without a result"], ["test_run_count", "passed_test_run_count", "failed_test_run_count"]),
      part("loops", "Fix loops", sum("fix_loop_count"), sum("fixed_loop_count"), sum("fix_loop_count") - sum("fixed_loop_count"),
        ["fixed", "given up"], ["fix_loop_count", "fixed_loop_count", "fix_loop_count - fixed_loop_count"]),
      tile({ id: "loop-cost", label: "Spent in fix loops", raw: sum("fix_loop_cost_usd"), shown: dollars(sum("fix_loop_cost_usd")), note: "from the first failed run to the end of the loop; overlapping loops count twice", sql: select("coalesce(sum(fix_loop_cost_usd), 0)", "v_outcome_day") })));
  }

  /** What the contexts carried, and what dropping it would have saved. */
  function diet() {
    const d = data.diet;
    const rows = [...Array(rowsOf("diet")).keys()];
    const used = (i) => (d.tested_session_count[i] ? `${number(d.used_session_count[i])} of ${number(d.tested_session_count[i])}` : "");
    return section("diet", "What the context carried", {
      note: "Over all days, regardless of the filters. Without a part, the cached prefix only gets shorter: it saves its own dollars.",
      sql: "select part_kind, part_name, cost_usd, saved_usd_per_month, saving_method\nfrom context_diet()\norder by cost_usd desc",
    }, table({
      id: "diet-table", caption: "Parts of contexts by cost, with what dropping them would save in a month with use", rows, sort: "cost_usd", few: FEWER, empty: "No part of a context has a cost.",
      columns: [
        { key: "part", label: "Part", value: (i) => d.part_name[i], text: (i) => `${d.part_kind[i]} ${d.part_name[i]}`, show: (i) => el("span", { title: d.part_name[i] }, cutMiddle(pathEnd(d.part_name[i]), 26), el("small", { class: "note block" }, d.part_kind[i].replaceAll("_", " "))) },
        ...numeric("cost_usd", "Cost", (i) => d.cost_usd[i], dollars),
        ...numeric("rebilled_cost_usd", "Re-billed", (i) => d.rebilled_cost_usd[i], dollars),
        ...numeric("saved_usd_per_month", "Saves a month", (i) => d.saved_usd_per_month[i], (one) => (one === null ? "–" : dollars(one))),
        { key: "how", label: "Known", value: (i) => d.saving_method[i], text: (i) => d.saving_method[i] ?? "", show: (i) => d.saving_method[i] ?? "" },
        { key: "used", label: "Used in", value: (i) => d.used_session_count[i], text: used, show: used },
      ],
    }));
  }

  /** What to do: what comes back in many sessions, or else what would have helped in single ones. */
  function advice() {
    return rowsOf("optimizations") ? advicePerMonth() : advicePerSession();
  }

  function advicePerMonth() {
    const rows = [...Array(rowsOf("optimizations")).keys()];
    const o = data.optimizations;
    return section("advice", "What could be saved", {
      note: "Over all days, regardless of the filters. All amounts are estimates of savings in a month with use.", sql: "select * from v_optimization\norder by dollars_per_month desc nulls last",
    }, table({
      id: "advice-table", caption: "What could be saved", rows, sort: null,
      columns: [
        { key: "subject", label: "Cause", value: (i) => o.subject[i], text: (i) => o.subject[i], show: (i) => el("span", { title: o.evidence[i] }, cutMiddle(o.subject[i], 40)) },
        { key: "suggestion", label: "Suggestion", value: (i) => o.suggestion[i], text: (i) => `${o.suggestion[i]} ${o.evidence[i]}`, show: (i) => el("span", {}, o.suggestion[i], el("small", { class: "note block" }, o.evidence[i])) },
        ...numeric("dollars_per_month", "Per month", (i) => o.dollars_per_month[i], (one) => (one === null ? "time" : dollars(one))),
      ],
    }));
  }

  function advicePerSession() {
    const rows = [...Array(rowsOf("advice")).keys()];
    const a = data.advice;
    return section("advice", "What would have saved most", {
      note: "Over all days, regardless of the filters. All amounts are estimates.", sql: "select * from v_session_advice\norder by cost_usd desc",
    }, table({
      id: "advice-table", caption: "What would have saved most", rows, sort: null, empty: "Nothing stands out.",
      columns: [
        { key: "session", label: "Session", value: (i) => nameOf(sessionOf(a.session_id[i])), text: (i) => nameOf(sessionOf(a.session_id[i])), show: (i) => link(nameOf(sessionOf(a.session_id[i])), { view: "session", id: sessionOf(a.session_id[i]).id }) },
        { key: "suggestion", label: "Suggestion", value: (i) => a.suggestion[i], text: (i) => `${a.suggestion[i]} ${a.subject[i]}`, show: (i) => el("span", {}, a.suggestion[i], el("small", { class: "note block" }, a.subject[i])) },
        ...numeric("cost_usd", "Saving", (i) => a.cost_usd[i], dollars),
      ],
    }));
  }

  /** Whether changes of skills, agents, memory files and MCP servers helped; nothing where none can be compared. */
  function effects() {
    const rows = [...Array(rowsOf("effects")).keys()];
    if (!rows.length) return null;
    const e = data.effects;
    const names = { success: "Success", cost_usd: "Cost", duration_seconds: "Time", corrections: "Corrections" };
    const isRatio = (i) => text(e.difference_type[i]) === "ratio";
    const amount = (i, one) => (isRatio(i) ? `×${one < 100 ? one.toFixed(2) : ">99"}` : text(e.measure[i]) === "success" ? `${one >= 0 ? "+" : ""}${(100 * one).toFixed(0)} pts` : `${one >= 0 ? "+" : ""}${one.toFixed(2)}`);
    const shown = (i) => el("span", {}, amount(i, e.difference[i]),
      el("small", { class: "note block" }, `${amount(i, e.difference_low[i])} to ${amount(i, e.difference_high[i])}`));
    return section("effects", "Did it help?", {
      note: `Tasks before and after a change, of the same project, type and model, with a 90 % interval, regardless of the filters. A verdict takes ${e.minimum_count[0]} tasks from ${e.minimum_session_count[0]} sessions on each side and an interval without “no effect”. By chance, one in ten changes without effect gets one. “Observed” is a hint; “randomised” is a test.`,
      sql: "select * from v_change_effect\norder by verdict = 'not enough to tell', least(before_count, after_count) desc",
    }, table({
      id: "effect-table", caption: "Effects of changes", rows, sort: null,
      columns: [
        { key: "component", label: "Changed", value: (i) => text(e.component_name[i]), text: (i) => text(e.component_name[i]), show: (i) => el("span", { title: text(e.component_name[i]) }, cutMiddle(pathEnd(text(e.component_name[i])), 40), el("small", { class: "note block" }, e.changed_on[i] ?? "")) },
        { key: "measure", label: "Measure", value: (i) => names[text(e.measure[i])], text: (i) => names[text(e.measure[i])], show: (i) => names[text(e.measure[i])] },
        { key: "difference", label: "Effect", numeric: true, value: (i) => e.difference[i], show: shown },
        { key: "tasks", label: "Tasks", numeric: true, value: (i) => Math.min(e.before_count[i], e.after_count[i]), show: (i) => `${number(e.before_count[i])} → ${number(e.after_count[i])}` },
        { key: "verdict", label: "Verdict", value: (i) => text(e.verdict[i]), text: (i) => text(e.verdict[i]), show: (i) => el("span", {}, text(e.verdict[i]), el("small", { class: "note block" }, text(e.evidence[i]))) },
      ],
    }));
  }

  /** What this month will have cost, and how good earlier forecasts were. */
  function forecast() {
    if (!rowsOf("month")) return null;
    const m = data.month, c = data.calibration;
    const month = new Date(Date.parse(m.month_started_on[0])).toLocaleDateString("en", { month: "long", year: "numeric", timeZone: "UTC" });
    const scored = rowsOf("calibration") ? c.scored_count[0] : 0;
    return section("forecast", "Forecast", {
      note: "Over all projects, regardless of the filters. Four of five months should lie inside; agent-store forecast does the same for agents and sessions.",
      sql: `from forecast_month(date '${page.today}')`,
    }, m.low_usd[0] === null
      ? el("p", {}, `${month}: not enough to tell. ${plural(m.window_count[0], "stretch", "stretches")} of as many days are known, and 20 are needed.`)
      : el("p", { class: "lead" }, `${month} should cost `, value(m.low_usd[0], dollars(m.low_usd[0])), " to ", value(m.high_usd[0], dollars(m.high_usd[0])),
        ` (half of such months no more than ${dollars(m.median_usd[0])}); ${dollars(m.spent_usd[0])} are spent.`),
    el("p", { class: "note" }, scored ? `Of the last ${plural(scored, "forecast")} that are over, ${number(c.inside_count[0])} lay inside their band.`
      : "No forecast could be checked yet."));
  }

  /** The provider's report beside the store, once one has been read. */
  function invoice() {
    const p = data.provider;
    if (!rowsOf("provider")) return null;
    const rows = [...Array(rowsOf("provider")).keys()].filter((i) => Math.abs(p.difference_usd[i]) >= 0.005);
    return section("invoice", "The provider's report", {
      note: `On the days that a report covers: ${dollars(p.our_usd[0])} here, ${dollars(p.their_usd[0])} there. The causes add up to the difference.`,
      sql: "from provider_difference()",
    }, table({
      id: "invoice-table", caption: "The provider's report", rows, sort: null, empty: "Both are the same to the cent.",
      columns: [
        { key: "cause", label: "Cause", value: (i) => p.cause[i], text: (i) => p.cause[i], show: (i) => el("span", {}, p.cause[i], p.is_exact[i] ? "" : el("small", { class: "note" }, " estimated")) },
        ...numeric("difference", "Difference", (i) => p.difference_usd[i], dollars),
      ],
    }));
  }

  /** The same work under other assumptions. */
  function whatIf() {
    const rows = [...Array(rowsOf("scenarios")).keys()];
    const w = data.scenarios;
    if (!rows.length || !w.response_count[0]) return null;
    return section("what-if", "What if", {
      note: `Over all days, regardless of the filters, from ${plural(w.response_count[0], "response")}. “Same models” is exact; another model is assumed to take as many tokens. agent-store whatif has more.`,
      sql: "from what_if(models := ['all=sonnet'])",
    }, table({
      id: "what-if-table", caption: "What if", rows, sort: null,
      columns: [
        { key: "scenario", label: "Scenario", value: (i) => w.scenario[i], text: (i) => `${w.scenario[i]} ${w.macro[i]}`, show: (i) => el("span", { title: w.macro[i] }, w.scenario[i]) },
        ...numeric("exact", "Same models", (i) => w.exact_cost_usd[i], dollars),
        ...numeric("would", "Would have cost", (i) => w.what_if_cost_usd[i], dollars),
        ...numeric("saved", "Saved", (i) => w.saved_usd[i], dollars),
        ...numeric("break_even", "Cheaper up to", (i) => w.break_even_ratio[i], (one) => (one === null ? "–" : `${one.toFixed(2)} × the tokens`)),
      ],
    }));
  }

  function storeFindings() {
    const tests = build.test_count ? `${number(build.passed_test_count)} of ${number(build.test_count)} data tests passed.` : "No data test ran.";
    return section("findings", "Findings about the store", { sql: "from findings()" },
      el("p", {}, `${tests} `, page.findings.length ? "" : "No finding."),
      page.findings.length ? el("ul", { class: "plain" }, page.findings.map((one) => el("li", {}, one.text, el("small", { class: "note block" }, one.meaning, " (", el("code", {}, one.view), ")")))) : null);
  }

  // ---- one session, one prompt, one line ---------------------------------------------------------------------------------

  const forShell = (word) => `'${word.replaceAll("'", "'\\''")}'`;
  const lineCommand = (path, line) => `agent-store line ${forShell(path)} ${line}`;
  const lineLink = (path, line) => (path === null || line === null ? "–" : link(`${cutMiddle(path.split(/[/\\]/).at(-1), 26)}:${line}`, { view: "line", id: path, line: String(line) }, { class: "path", title: `${path}:${line}` }));
  const crumbs = (...parts) => el("nav", { "aria-label": "Path", class: "crumbs" }, link("Overview", {}), parts.flatMap((part) => [" › ", part]));
  const facts = (pairs, sql, label) => el("div", { class: "facts-and-sql" },
    el("dl", { class: "facts" }, pairs.filter(([, one]) => one !== null && one !== undefined && one !== "").map(([key, one]) => el("div", {}, el("dt", {}, key), el("dd", {}, one)))),
    sql && sqlButton(sql, label));
  const verdict = (one) => (one === true ? "succeeded" : one === false ? "failed" : "not judged");

  function sessionPage(id) {
    const session = [...sessions.values()].find((one) => one.id === id);
    if (!session) return [crumbs(), el("p", {}, "This session is not in the store.")];
    const key = session.session_id;
    const all = (name) => [...Array(rowsOf(name)).keys()].filter((i) => data[name].session_id[i] === key);
    const rows = all("spending");
    const p = data.prompts;
    const m = data.misses;
    const cost = total("spending", "cost_usd", rows);
    const prompts = all("prompts");
    const more = (session.prompt_count ?? prompts.length) - prompts.length;
    return [
      crumbs(projectLink(session), "session"),
      el("h2", {}, nameOf(session)),
      facts([
        ["Cost", value(cost, dollars(cost))], ["Started", session.started_at], ["Duration", duration(session.duration_seconds)],
        ["Responses", number(total("spending", "response_count", rows))], ["Prompts", session.prompt_count], ["Subagents", session.subagent_count],
        ["Tool calls", session.tool_call_count === null ? null : `${number(session.tool_call_count)}, ${number(session.tool_error_count)} failed`],
        ["Compactions", session.compaction_count], ["Lines", session.lines_added === null ? null : `+${number(session.lines_added)} −${number(session.lines_deleted)}`],
        ["Client", session.client_version], ["Id", el("code", {}, session.id)],
      ], `select * from v_session_report\nwhere ${is("session_id", session.id)}`, "the session"),
      section("session-causes", "What caused it", { sql: `select cause_group, sum(cost_usd) as cost_usd\nfrom v_cost_cause\nwhere ${is("session_id", session.id)}\ngroup by cause_group\norder by cost_usd desc` }, causes("session-cause-table", all("causes"))),
      section("prompts", "Prompts", {
        note: more > 0 ? `${plural(more, "prompt")} of this session cost less, or got no response, and are not in this page.` : null,
        sql: `select prompted_at, prompt_text, caused_cost_usd\nfrom v_expensive_prompt\nwhere ${is("session_id", session.id)}\norder by prompted_at`,
      }, table({
        id: `prompts-${id}`, caption: "Prompts of the session", rows: prompts, few: 50, sort: "prompted_at", ascending: true,
        columns: [
          { key: "prompt", label: "Prompt", value: (i) => p.prompt_text[i], text: (i) => p.prompt_text[i] ?? "before the first prompt", show: (i) => link(p.prompt_text[i] ?? "before the first prompt", { view: "prompt", id: text(p.prompt_id[i]) }) },
          ...numeric("caused_cost_usd", "Cost", (i) => p.caused_cost_usd[i], dollars),
          { key: "prompted_at", label: "Time (UTC)", value: (i) => p.prompted_at[i], text: (i) => p.prompted_at[i] ?? "", show: (i) => el("span", { class: "nowrap" }, p.prompted_at[i] ?? "–") },
          { key: "success", label: "Outcome", value: (i) => verdict(p.success[i]), text: (i) => verdict(p.success[i]), show: (i) => el("span", { class: "nowrap" }, verdict(p.success[i])) },
          ...numeric("responses", "Responses", (i) => p.response_count[i], number),
        ],
      })),
      all("misses").length ? section("session-misses", "Cache misses", {
        sql: `select missed_at, cause, missed_tokens, extra_cost_usd\nfrom v_session_miss\nwhere ${is("session_id", session.id)}\norder by missed_at`,
      }, table({
        id: `misses-${id}`, caption: "Cache misses of the session", rows: all("misses"), few: 50, sort: "missed_at", ascending: true,
        columns: [
          { key: "missed_at", label: "Time (UTC)", value: (i) => m.missed_at[i], text: (i) => m.missed_at[i] ?? "", show: (i) => el("span", { class: "nowrap" }, m.missed_at[i] ?? "–") },
          { key: "cause", label: "Cause", value: (i) => text(m.cause[i]), text: (i) => `${text(m.cause[i])} ${text(m.suggestion[i])}`, show: (i) => el("span", {}, text(m.cause[i]).replaceAll("_", " "), el("small", { class: "note block" }, text(m.suggestion[i]) ?? "")) },
          ...numeric("gap", "After", (i) => m.gap_seconds[i], duration),
          ...numeric("missed_tokens", "Tokens", (i) => m.missed_tokens[i], short),
          ...numeric("extra_cost_usd", "Extra cost", (i) => m.extra_cost_usd[i], dollars),
          { key: "line", label: "Line", value: (i) => m.source_line[i], text: () => "", show: (i) => lineLink(text(m.source_path[i]), m.source_line[i]) },
        ],
      })) : null,
      section("more", "In the terminal", {}, copyable(`agent-store report explain ${/^[\w-]+$/.test(session.id) ? session.id.slice(0, 8) : forShell(session.id)}`)),
    ];
  }

  function promptPage(id) {
    const p = data.prompts;
    const i = column("prompts", "prompt_id").findIndex((one) => text(one) === id);
    if (i < 0) return [crumbs(), el("p", {}, "This page has only the most expensive prompts, and this is not one of them.")];
    const session = sessionOf(p.session_id[i]);
    const s = data.segments;
    const rows = [...Array(rowsOf("segments")).keys()].filter((j) => s.prompt_id[j] === p.prompt_id[i]);
    const rest = rows.length ? s.rest_segment_count[rows.at(-1)] : 0;
    return [
      crumbs(projectLink(session), link(nameOf(session), { view: "session", id: session.id }), "prompt"),
      el("h2", {}, "Prompt"), el("blockquote", {}, p.prompt_text[i] ?? "before the first prompt"),
      facts([
        ["Cost it caused", value(p.caused_cost_usd[i], dollars(p.caused_cost_usd[i]))], ["Time (UTC)", p.prompted_at[i]], ["Model", text(p.model_name[i])],
        ["Kind of task", text(p.task_type[i])], ["Outcome", `${verdict(p.success[i])}${text(p.success_basis[i]) ? ` (${text(p.success_basis[i]).replaceAll("_", " ")})` : ""}`],
        ["Responses", number(p.response_count[i])], ["Tool calls", `${number(p.tool_call_count[i])}, ${number(p.tool_error_count[i])} failed`],
        ["Tokens", short(p.caused_tokens[i])], ["Line", lineLink(text(p.source_path[i]), p.source_line[i])],
      ], `select * from v_expensive_prompt\nwhere ${is("prompt_id", id)}`, "the prompt"),
      section("segments", "What entered the context", {
        note: "The cost of a piece includes later prompts that carried it, so the pieces do not add up to the cost of the prompt.",
        sql: `select pieces.piece_name, segments.cost_usd\nfrom v_prompt_segment as segments\ninner join v_context_piece as pieces on pieces.segment_id = segments.segment_id\nwhere ${is("segments.prompt_id", id)}\norder by segments.cost_rank`,
      }, table({
        id: `segments-${id}`, caption: "Context segments of the prompt", rows, few: 50, sort: "cost_usd", empty: "No context segment of this prompt is known.",
        columns: [
          { key: "piece", label: "Segment", value: (j) => text(s.piece_name[j]), text: (j) => text(s.piece_name[j]) ?? "", show: (j) => el("span", { class: "piece" }, text(s.piece_name[j]) ?? "–") },
          ...numeric("cost_usd", "Cost", (j) => s.cost_usd[j], dollars),
          ...numeric("tokens", "Tokens", (j) => s.tokens[j], short),
          ...numeric("entry", "Entering", (j) => s.entry_cost_usd[j], dollars),
          ...numeric("carrying", "Carrying", (j) => s.carrying_cost_usd[j], dollars),
          { key: "method", label: "Counted by", value: (j) => text(s.allocation_method[j]), text: (j) => text(s.allocation_method[j]) ?? "", show: (j) => text(s.allocation_method[j]) },
          { key: "line", label: "Line", value: (j) => s.source_line[j], text: () => "", show: (j) => lineLink(text(s.source_path[j]), s.source_line[j]) },
        ],
      }), rest ? el("p", { class: "note" }, `${plural(rest, "more segment")}, ${dollars(s.rest_cost_usd[rows.at(-1)] ?? 0)}.`) : null),
    ];
  }

  function linePage(path, line) {
    const known = [];
    for (const [name, label, of] of [["prompts", "Prompt", (i) => data.prompts.prompt_text[i]], ["segments", "Context", (i) => text(data.segments.piece_name[i])], ["misses", "Cache miss", (i) => text(data.misses.cause[i]).replaceAll("_", " ")]]) {
      const [paths, lines] = [column(name, "source_path"), column(name, "source_line")];
      for (let i = 0; i < lines.length; i++) if (String(lines[i]) === line && text(paths[i]) === path) known.push([label, of(i)]);
    }
    const isServed = location.protocol.startsWith("http");
    return [
      crumbs("line of the log"), el("h2", { class: "path" }, `${path}:${line}`), facts(known),
      isServed ? el("p", {}, el("a", { href: `line?${new URLSearchParams({ path, line })}` }, "Show the line")) : null,
      el("p", {}, "The line as it was landed:"), copyable(lineCommand(path, line)),
    ];
  }

  // ---- the page ----------------------------------------------------------------------------------------------------------

  let charts = [];

  function overview() {
    const rows = [...selected("spending")];
    if (!rowsOf("spending")) {
      return [
        data.spending.usage_date ? el("p", { class: "lead" }, "There is no API response in the store yet. Build it after you have used Claude Code.") : null,
        page.missing.length ? el("ul", { class: "plain" }, notInStore().map((one) => el("li", {}, one))) : null,
        storeFindings(),
      ];
    }
    colorOf("");
    return [
      alerts(), money(rows), coverage(rows), perDay(rows),
      section("causes", "What caused it", { sql: causeSql(), note: "Each dollar has one cause, so the parts add up to the total." }, causes("cause-table", [...selected("causes")])),
      expensive(rows), outcomes(), effects(), diet(), advice(), whatIf(), forecast(), invoice(), storeFindings(),
    ];
  }

  function filters() {
    const form = document.getElementById("filters");
    const options = (name, values) => {
      const input = form.elements[name];
      const shown = [...new Set(values)].sort((a, b) => a.localeCompare(b));
      input.replaceChildren(el("option", { value: "" }, "all"), ...shown.map((one) => el("option", { value: one }, cutMiddle(one, 48))));
      input.closest("label").hidden = name === "user" && shown.length < 2;
    };
    const list = [...sessions.values()];
    options("project", list.map((one) => one.project));
    options("user", list.map((one) => one.user));
    options("model", column("spending", "model_name").map(text));
    options("agent", column("spending", "agent_name").map(text));
    form.addEventListener("change", (event) => {
      const { name, value: chosen } = event.target;
      if (FILTERS.includes(name)) go({ [name]: chosen || null });
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const button of form.querySelectorAll("button[data-days]")) {
      button.addEventListener("click", () => {
        const days = Number(button.dataset.days);
        go(days ? { from: new Date(Date.parse(page.today) - (days - 1) * DAY).toISOString().slice(0, 10), to: page.today } : { from: null, to: null });
      });
    }
    document.getElementById("reset").addEventListener("click", () => {
      go(Object.fromEntries(FILTERS.map((key) => [key, null])));
      form.elements.from.focus();  // The button goes.
    });
  }

  const views = new Map([
    ["session", () => sessionPage(state.id)], ["prompt", () => promptPage(state.id)], ["line", () => linePage(state.id, state.line)],
  ]);

  function render() {
    readState();
    const form = document.getElementById("filters");
    for (const key of FILTERS) form.elements[key].value = state[key] ?? "";
    document.getElementById("reset").hidden = !FILTERS.some((key) => state[key]);
    form.hidden = Boolean(state.view);
    charts = [];
    if (rowsOf("spending")) colorOf("");
    main.replaceChildren(...(views.get(state.view) ?? overview)().flat(Infinity).filter(Boolean));
    drawCharts();
  }

  /** Charts are as wide as their place. The page has a style of its own for them, and one label is enough. */
  function drawCharts() {
    for (const { holder, draw } of charts) {
      const width = Math.max(240, Math.floor(holder.clientWidth));
      if (holder.dataset.width === String(width)) continue;
      holder.dataset.width = String(width);
      const chart = draw(width);
      chart.querySelectorAll("style").forEach((one) => one.remove());
      chart.querySelectorAll("g[aria-label]").forEach((one) => one.removeAttribute("aria-label"));
      holder.replaceChildren(chart);
    }
  }

  function stamp() {
    const place = document.getElementById("stamp");
    place.textContent = `As of ${build.published_at} UTC · today is ${page.today}`;
    document.getElementById("prices").textContent = page.prices;
    const notes = [];
    if (build.is_sample) notes.push("This is the sample that ships with the project, not your own use.");
    if (build.retention) notes.push("Rows of facts that are older than privacy.yml keeps them are not in it.");
    document.getElementById("notes").textContent = notes.join(" ");
  }

  function followPublishing() {
    const served = document.documentElement.dataset.version;
    if (!served) return;
    setInterval(async () => {
      try {
        const answer = await fetch("version", { cache: "no-store" });
        const version = answer.ok ? await answer.text() : "";
        if (version && version !== served) location.reload();
      } catch { /* Without a server, as without a store, the page stays as it is. */ }
    }, 2000);
  }

  // The address has the filters: a link to a place in the page would lose them.
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  const dialog = document.getElementById("sql");
  dialog.querySelector("#copy-sql").addEventListener("click", () => copy(dialog.querySelector("pre").textContent, dialog.querySelector("output")));
  filters();
  stamp();
  render();
  window.addEventListener("hashchange", () => {
    const before = `${state.view}${state.id}${state.line}`;
    render();
    if (before !== `${state.view}${state.id}${state.line}`) {
      window.scrollTo(0, 0);
      main.focus({ preventScroll: true });
    }
  });
  let resizing = 0;
  window.addEventListener("resize", () => { cancelAnimationFrame(resizing); resizing = requestAnimationFrame(drawCharts); });
  followPublishing();
})();
