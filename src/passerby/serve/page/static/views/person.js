// One person: when and where they were seen, and what can be put right.
import { get, may } from "/page/api.js";
import { button, element, fill } from "/page/dom.js";
import { openSighting } from "/page/parts/sighting.js";
import { sightingTile } from "/page/parts/tile.js";
import { timeline } from "/page/parts/timeline.js";
import { confirmPerson, editPerson, holdPerson, mergePerson, releasePerson, splitPerson } from "/page/views/changes.js";
import { beginning, count, day, personName, some, span, videoName } from "/page/words.js";

export async function show(main, [number]) {
  const load = async () => {
    const [person, holds] = await Promise.all([get(`/v1/identities/${Number(number)}`), get("/v1/holds")]);
    draw(main, person, holds.filter((each) => person.holds.includes(each.number) && current(each)), load);
  };
  await load();
}

function current(hold) {
  return hold.until === null || new Date(hold.until) > new Date();
}

function draw(main, person, holds, again) {
  const name = personName(person.identity, person.name);
  document.title = `${name} · passerby`;
  const sightings = element("div", { class: "sightings" });
  const strips = (choosing) => fill(sightings, choosing ? chooseSome(person, () => strips(false), again) : seen(person));
  strips(false);
  fill(
    main,
    element("p", { class: "back" }, element("a", { href: "#/people" }, "‹ All people")),
    element(
      "div",
      { class: "title" },
      element("h1", { tabindex: "-1" }, name),
      element("em", { class: `badge ${person.confirmed ? "" : "open"}` }, person.confirmed ? "confirmed" : "not confirmed"),
      holds.length ? element("em", { class: "badge hold", title: holds.map((each) => each.reason).join("; ") }, "on hold") : null,
    ),
    element("p", { class: "soft" }, [person.name ? `Person ${person.identity}` : null, count(person.seen.length, "sighting"), some(person.cameras), span(person.seen)].filter(Boolean).join(" · ")),
    person.notes ? element("p", { class: "notes" }, person.notes) : null,
    may("reviewer") ? actions(person, holds, again, () => strips(true)) : null,
    element("div", { class: "card" }, timeline(person.seen, (index) => openSighting(person.seen, index))),
    sightings,
  );
}

function actions(person, holds, again, choose) {
  return element(
    "div",
    { class: "actions" },
    button("Name and note", () => editPerson(person, again)),
    button(person.confirmed ? "Take confirmation back" : "Confirm", () => confirmPerson(person, again), { title: "A confirmed person is never taken apart or joined with another by itself." }),
    button("Same as somebody else…", () => mergePerson(person, again)),
    person.seen.length > 1 ? button("Some are somebody else…", choose) : null,
    holds.length
      ? may("admin") ? button("End the hold", () => releasePerson(holds, again)) : null
      : button("Hold…", () => holdPerson(person, again), { title: "Keeps this person from being erased." }),
    may("admin") ? element("a", { class: "button danger", href: `#/erase/${person.identity}` }, "Erase…") : null,
  );
}

/** Sightings by day and camera, in the order of time. */
function seen(person) {
  const groups = new Map();
  person.seen.forEach((each, index) => {
    const key = [each.taken_from ? day(each.taken_from) : "", videoName(each.video), each.camera].join("\n");
    if (!groups.has(key)) groups.set(key, { heading: [each.camera, each.taken_from ? day(each.taken_from) : null], video: videoName(each.video), places: [] });
    groups.get(key).places.push(index);
  });
  return [...groups.values()].map((group) =>
    element(
      "section",
      { class: "card seen" },
      element("h2", {}, group.heading.filter(Boolean).join(" · ")),
      element("p", { class: "soft" }, `${count(group.places.length, "sighting")} in ${group.video}, from ${beginning(person.seen[group.places[0]])}`),
      element("div", { class: "strip" }, group.places.map((index) => sightingTile(person.seen[index], () => openSighting(person.seen, index)))),
    ),
  );
}

/** Sightings to tick: those that are somebody else. */
function chooseSome(person, stop, again) {
  const chosen = new Set();
  const go = button("", () => splitPerson(person, [...chosen], again), { class: "primary" });
  const told = () => {
    go.textContent = chosen.size ? `Make ${count(chosen.size, "sighting")} a person of their own` : "Choose sightings";
    go.disabled = chosen.size === 0 || chosen.size === person.seen.length;
  };
  told();
  const tiles = person.seen.map((each) => {
    const tile = sightingTile(each, () => {
      if (!chosen.delete(each.tracklet)) chosen.add(each.tracklet);
      tile.setAttribute("aria-pressed", String(chosen.has(each.tracklet)));
      told();
    });
    tile.setAttribute("aria-pressed", "false");
    return tile;
  });
  return element(
    "section",
    { class: "card choosing" },
    element("h2", {}, "Which of these are somebody else?"),
    element("div", { class: "strip wrap" }, tiles),
    element("div", { class: "actions sticky" }, go, button("Leave it", stop)),
  );
}
