// What people say of a person: names, holds, who is who. Each can be taken back.
import { get, patch, post, remove } from "/page/api.js";
import { afterPause, button, element, field, fill } from "/page/dom.js";
import { askText, openDialog } from "/page/parts/dialog.js";
import { grouped } from "/page/parts/hits.js";
import { clearNotice, notice, trouble, undoable } from "/page/parts/notice.js";
import { sure } from "/page/parts/sure.js";
import { crop } from "/page/parts/tile.js";
import { count, personName } from "/page/words.js";

const SIMILAR = 100;
const NAMED = 30;

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    notice(error.message);
    return null;
  }
}

/** Where one stands after something was taken back: the same person, if there still is one. */
function after(again) {
  return () => attempt(again);
}

export function editPerson(person, again) {
  const name = element("input", { type: "text", value: person.name ?? "", maxlength: 200, autocomplete: "off" });
  const notes = element("textarea", { rows: 4, maxlength: 10000, value: person.notes ?? "" });
  const problem = element("div", {});
  const save = async (event) => {
    event.preventDefault();
    clearNotice();
    try {
      await patch(`/v1/identities/${person.identity}`, { name: name.value.trim(), notes: notes.value.trim(), confirm: true });
      dialog.close();
      await again();
      await undoable("Saved.", after(again));
    } catch (error) {
      fill(problem, trouble(error));
    }
  };
  const form = element(
    "form",
    { onsubmit: save },
    problem,
    field("Name", name),
    field("Note", notes, "Whoever may look at this gallery can read it. Saving confirms the person."),
    element("div", { class: "actions" }, element("button", { class: "primary" }, "Save"), button("Cancel", () => dialog.close())),
  );
  const dialog = openDialog(`Name and note of ${personName(person.identity, person.name)}`, {}, form);
  name.focus();
}

export async function confirmPerson(person, again) {
  const confirm = !person.confirmed;
  clearNotice();
  await attempt(async () => {
    await patch(`/v1/identities/${person.identity}`, { confirm });
    await again();
    await undoable(confirm ? "Confirmed." : "No longer confirmed.", after(again));
  });
}

/** Others, the most alike first, or by name; the one that is chosen goes into this person. */
export async function mergePerson(person, again) {
  const list = element("div", { class: "similar" }, element("p", { class: "loading" }, "Looking for people like this…"));
  const merge = (other) => attempt(async () => {
    clearNotice();
    await post("/v1/identities/merge", { into: person.identity, others: [other.identity] });
    dialog.close();
    await again();
    await undoable(`${personName(other.identity, other.name)} is now part of ${personName(person.identity, person.name)}, who is confirmed now.`, after(again));
  });
  const draw = (others, nobody = "Nobody else is alike.") =>
    fill(list, others.length ? others.map((each) => similar(each, () => merge(each))) : element("p", { class: "plate" }, nobody));
  let alike = null;
  const named = afterPause(async () => {
    const name = input.value.trim();
    if (!name) return draw(alike ?? []);
    const found = await attempt(() => get(`/v1/identities?${new URLSearchParams({ name, limit: NAMED })}`));
    if (found) draw(found.identities.filter((each) => each.identity !== person.identity), "Nobody else has this name or number.");
  });
  const input = element("input", { type: "search", autocomplete: "off", oninput: named });
  const dialog = openDialog("Who is the same person?", {}, field("Find by name or number", input), list);
  try {
    alike = await mostAlike(person);
    draw(alike);
  } catch (error) {
    fill(list, trouble(error));
  }
}

async function mostAlike(person) {
  const best = person.seen.find((each) => each.picture === person.picture) ?? person.seen[0];
  const found = await post("/v1/search", { tracklet: best.tracklet, by_identity: true, count: SIMILAR });
  const others = grouped(found.queries[0]?.hits ?? []).filter((each) => each.identity !== null && each.identity !== person.identity);
  return others.slice(0, NAMED).map((each) => ({ ...each, picture: each.hits[0].picture, ...each.hits[0] }));
}

function similar(other, choose) {
  return element(
    "div",
    { class: "row" },
    crop(other.picture),
    element("div", {}, element("b", {}, personName(other.identity, other.name)), other.score === undefined ? null : sure(other.probability, other.score)),
    button("Same person", choose, { "aria-label": `${personName(other.identity, other.name)} is the same person` }),
  );
}

export async function splitPerson(person, tracklets, again) {
  clearNotice();
  await attempt(async () => {
    const { new: made } = await post(`/v1/identities/${person.identity}/split`, { tracklets });
    await again();
    await undoable(`${count(tracklets.length, "sighting")} became ${personName(made.identity, made.name)}; both are confirmed now.`, after(again));
  });
}

export async function holdPerson(person, again) {
  const reason = await askText("Keep this person from being erased", "Why", "", "Nobody can erase them until an admin ends the hold.", { confirm: "Hold" });
  if (!reason) return;
  await attempt(async () => {
    await post("/v1/holds", { identity: person.identity, reason });
    await again();
    notice("On hold: this person cannot be erased.");
  });
}

export async function releasePerson(holds, again) {
  await attempt(async () => {
    for (const each of holds) await remove(`/v1/holds/${each.number}`);
    await again();
    notice("The hold has ended.");
  });
}
