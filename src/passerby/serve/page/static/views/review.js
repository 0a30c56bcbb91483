// Are these the same person? The least certain first; s, d, u and space decide.
import { picture } from "/page/api.js";
import { button, element, fill } from "/page/dom.js";
import { notice, trouble } from "/page/parts/notice.js";
import { ReviewQueue } from "/page/parts/review_queue.js";
import { openSighting } from "/page/parts/sighting.js";
import { sure } from "/page/parts/sure.js";
import { crop, sightingTile } from "/page/parts/tile.js";
import { count, length, personName, when } from "/page/words.js";

const AHEAD = 3;
let queue = null;

export async function show(main) {
  const page = { stage: element("div", { class: "review" }), progress: element("p", { class: "soft progress" }), said: element("p", { class: "soft said", role: "status" }) };
  queue ??= new ReviewQueue(() => {}, () => {});
  queue.changed = (error) => {
    if (error) notice(error.message);
    draw(page);
  };
  queue.told = (entry, made) => {
    page.said.textContent = outcome(entry, made);
  };
  if (queue.current === null) queue.complete = false;
  if (queue.pairs.length === 0) await queue.load();
  fill(
    main,
    element("div", { class: "title between" }, element("h1", { tabindex: "-1" }, "Are these the same person?"), page.progress),
    page.said,
    page.stage,
  );
  draw(page);
  const pressed = (event) => onKey(event);
  addEventListener("keydown", pressed);
  return () => {
    removeEventListener("keydown", pressed);
    queue.changed = () => {};
    queue.told = () => {};
  };
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  if (event.target.closest?.("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  if (key === " " && event.target.closest?.("button, a, summary")) return;
  const wanted = { s: () => answer(true), d: () => answer(false), " ": () => answer(null), u: () => undo() }[key];
  if (wanted === undefined) return;
  event.preventDefault();
  wanted();
}

async function answer(same) {
  await queue.answer(same);
  toTop();
}

async function undo() {
  await queue.undo();
  toTop();
}

/** The focus leaves the buttons, so that the space bar skips and presses none of them. */
function toTop() {
  document.querySelector("main h1")?.focus({ preventScroll: true });
}

/** What an answer came to, in a line. */
function outcome({ pair: asked, same }, made) {
  if (made === null) return "Skipped.";
  const said = same ? "same" : "different";
  if (made === "undone") return same === null ? "Asked again." : `Taken back: ${said}.`;
  const [one, other] = made.identities;
  const before = asked.sides.map((each) => each.identity);
  const changed = same ? one : made.identities.find((each) => !before.includes(each));
  const name = (identity) => personName(identity, asked.sides.find((each) => each.identity === identity)?.tracklets[0].name);
  if (made.moved && changed) return `Said: ${said}; ${count(made.moved, "sighting")} became ${name(changed)}.`;
  if (same) return `Said: same; both were ${name(one)} before.`;
  return one === null || one !== other ? "Said: different; they stay apart." : "Said: different.";
}

function draw(page) {
  const { current, pairs, skipped, decided, complete } = queue;
  const waiting = complete ? count(pairs.length, "pair") + " to go" : `more than ${pairs.length} to go`;
  page.progress.textContent = [`${decided} decided`, skipped.size ? `${skipped.size} skipped` : null, pairs.length || !complete ? waiting : null].filter(Boolean).join(" · ");
  if (current === null) {
    if (queue.failed) fill(page.stage, trouble(queue.failed), button("Try again", () => queue.load().catch(() => draw(page))));
    else if (queue.loading) fill(page.stage, element("p", { class: "loading" }, "Looking for more…"));
    else fill(page.stage, nothingLeft());
    return;
  }
  fill(page.stage, pair(current), buttons(), element("p", { class: "soft" }, "Those who cannot be one person, such as two seen at once, are not asked about."));
  preload();
}

function nothingLeft() {
  const again = () => queue.again().catch((error) => queue.changed(error));
  return [
    element("p", { class: "plate right" }, element("b", {}, "Nothing is left to decide. "), queue.decided ? "Thank you." : "All joins are clear, or were decided before."),
    element("div", { class: "actions" }, queue.skipped.size ? button(`Look at the ${queue.skipped.size} skipped again`, again) : null, queue.past.length ? button("Undo the last", () => undo()) : null, element("a", { class: "button", href: "#/people" }, "See the people")),
  ];
}

function buttons() {
  const one = (text, key, act, kind = null) => element("button", { type: "button", class: kind, onclick: act, "aria-keyshortcuts": key === "space" ? "Space" : key }, text, " ", element("kbd", { "aria-hidden": "true" }, key));
  return element(
    "div",
    { class: "actions decide" },
    one("Same", "s", () => answer(true), "same"),
    one("Different", "d", () => answer(false), "different"),
    one("Skip", "space", () => answer(null)),
    element("button", { type: "button", disabled: queue.past.length === 0, onclick: () => undo(), "aria-keyshortcuts": "u" }, "Undo ", element("kbd", { "aria-hidden": "true" }, "u")),
  );
}

function pair(asked) {
  return element("div", { class: "pair" }, side(asked.sides[0], "Left"), evidence(asked), side(asked.sides[1], "Right"));
}

function side(shown, which) {
  const [first, ...others] = shown.tracklets;
  const open = (place) => () => openSighting(shown.tracklets, place);
  const name = personName(shown.identity, first.name);
  const more = shown.total - shown.tracklets.length;
  return element(
    "section",
    { class: "side", "aria-label": `${which}: ${name}` },
    element("button", { type: "button", class: "face", onclick: open(0), "aria-label": `${name} at ${first.camera}, ${when(first)}: show it large` }, crop(first.picture)),
    element(
      "div",
      { class: "beside" },
      element("h2", {}, shown.identity === null ? name : element("a", { href: `#/person/${shown.identity}` }, name), first.confirmed ? element("em", { class: "badge" }, "confirmed") : null),
      element("p", { class: "soft" }, element("b", {}, first.camera), element("br", {}), when(first)),
      others.length ? element("p", { class: "soft also" }, `Also seen ${shown.total === 2 ? "once" : `${shown.total - 1} times`}:`) : null,
      others.length ? element("div", { class: "strip wrap small" }, others.map((each, place) => sightingTile(each, open(place + 1)))) : null,
      more > 0 ? element("p", { class: "soft also" }, `and ${more} more`) : null,
    ),
  );
}

function evidence(asked) {
  const [one, other] = asked.sides.map((each) => each.tracklets[0]);
  return element(
    "div",
    { class: "evidence" },
    sure(asked.probability, asked.score),
    element("p", { class: "soft" }, [apart(one, other), asked.joined ? "They count as one person now." : "They count as two people now."].filter(Boolean).join(" ")),
  );
}

/** How far apart in time two sightings are, and whether one camera saw both. */
function apart(one, other) {
  const where = one.camera === other.camera ? "The same camera" : "Two cameras";
  if (!one.taken_from || !other.taken_from) return `${where}.`;
  const [first, second] = [one, other].sort((a, b) => Date.parse(a.taken_from) - Date.parse(b.taken_from));
  const seconds = (Date.parse(second.taken_from) - Date.parse(first.taken_to)) / 1000;
  return seconds > 0 ? `${where}, ${length(seconds)} apart.` : `${where}, at the same time.`;
}

/** Lets the browser have the pictures of the next pairs before they are shown. */
function preload() {
  for (const next of queue.pairs.slice(1, 1 + AHEAD)) {
    for (const each of next.sides.flatMap((shown) => shown.tracklets)) if (each.picture) keep(picture(each.picture));
  }
}

const kept = new Map();

function keep(address) {
  if (kept.has(address)) return;
  const image = new Image();
  image.src = address;
  kept.set(address, image);
  if (kept.size > 200) kept.delete(kept.keys().next().value);
}
