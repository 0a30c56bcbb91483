// What was done: changes of who is who, and for admins everything else.
import { get, may, post } from "/page/api.js";
import { button, element, fill } from "/page/dom.js";
import { changeName, notice } from "/page/parts/notice.js";
import { count, moment, number } from "/page/words.js";

const AT_ONCE = 100;

const ACTIONS = {
  search: "searched", view: "looked", erase: "erased", report: "wrote a page", export: "exported", import: "imported", backup: "made a backup",
  restore: "restored a backup", add: "added sightings", identify: "found out who is who", merge: "merged people", split: "split a person",
  name: "named or confirmed", decide: "decided", undo: "took a change back", "sign in": "signed in", "wrong key": "tried a wrong key", hold: "placed a hold", release: "ended a hold",
};

export async function show(main, [which]) {
  const all = which === "all" && may("admin");
  const list = all ? await entries() : await changes(() => show(main, [which]));
  const tab = (href, text, on) => element("a", { href, "aria-current": on ? "page" : null }, text);
  fill(
    main,
    element("h1", { tabindex: "-1" }, "Log"),
    may("admin") ? element("div", { class: "tabs", role: "navigation", "aria-label": "Logs" }, tab("#/log", "Changes of who is who", !all), tab("#/log/all", "Everything", all)) : null,
    list,
  );
}

async function changes(again) {
  const made = await get(`/v1/changes?limit=${AT_ONCE}`);
  if (made.length === 0) return element("p", { class: "plate" }, "Nothing was changed yet.");
  const newest = made.find((each) => !each.undone);
  const undo = async () => {
    try {
      const change = await post("/v1/undo", { change: newest.change });
      notice(`Taken back: ${changeName(change.kind)}.`);
      await again();
    } catch (error) {
      notice(error.message);
    }
  };
  const rows = made.map((each) => [
    moment(each.happened),
    each.actor,
    element("span", { class: each.undone ? "undone" : null }, changeName(each.kind)),
    each.moved ? count(each.moved, "sighting") : "",
    each.undone ? "taken back" : each === newest && may("reviewer") ? button("Undo", undo, { class: "small-button" }) : "",
  ]);
  return table(["When", "Who", "What", "Moved", "Taken back"], rows);
}

async function entries() {
  const body = element("tbody", {});
  const more = element("div", { class: "actions" });
  const put = (found) => {
    body.append(...found.reverse().map((each) => row([moment(each.happened), each.actor, ACTIONS[each.action] ?? each.action, each.reason, detail(each.detail)])));
    const first = found.at(-1)?.number ?? 1;
    fill(more, first > 1 ? button("Show earlier ones", () => earlier(first)) : null);
  };
  const earlier = async (first) => {
    const after = Math.max(0, first - 1 - AT_ONCE);
    try {
      put(await get(`/v1/audit?after=${after}&limit=${first - 1 - after}`));
    } catch (error) {
      notice(error.message);
    }
  };
  put(await get(`/v1/audit?newest=true&limit=${AT_ONCE}`));
  return element("div", {}, element("div", { class: "card scroll" }, element("table", {}, heads(["When", "Who", "What", "Why", "Details"]), body)), more);
}

const NAMES = {
  tracklets: "sightings", tracklet: "sighting", identities: "people", identity: "person", crops: "pictures", doubts: "pairs to review", first: "sighting", second: "other sighting",
};

function detail(values) {
  return Object.entries(values).map(([name, value]) => {
    const told = name === "same" ? (value ? "yes" : "no") : typeof value === "number" ? number(value) : String(value);
    return `${NAMES[name] ?? name.replaceAll("_", " ")}: ${told}`;
  }).join(" · ");
}

function heads(names) {
  return element("thead", {}, element("tr", {}, names.map((each) => element("th", { scope: "col" }, each))));
}

function row(cells) {
  return element("tr", {}, cells.map((each) => element("td", {}, each)));
}

function table(names, rows) {
  return element("div", { class: "card scroll" }, element("table", {}, heads(names), element("tbody", {}, rows.map(row))));
}
