// Everybody whom the gallery knows.
import { get } from "/page/api.js";
import { afterPause, button, element, field, fill } from "/page/dom.js";
import { trouble } from "/page/parts/notice.js";
import { crop } from "/page/parts/tile.js";
import { count, number, personName, some } from "/page/words.js";

const AT_ONCE = 48;
const kept = { name: "", camera: "", confirmed: "", order: "tracklets" };

export async function show(main) {
  const gallery = await get("/v1/gallery");
  const list = element("div", { class: "people" });
  const told = element("p", { class: "soft", role: "status" });
  const more = element("div", { class: "actions" });
  const load = async (offset) => {
    try {
      const found = await get(`/v1/identities?${asked(offset)}`);
      if (offset === 0) fill(list);
      list.append(...found.identities.map(personCard));
      told.textContent = found.total ? count(found.total, "person", "people") : "Nobody fits.";
      const rest = found.total - offset - found.identities.length;
      fill(more, rest > 0 ? button(`Show more (${number(rest)})`, () => load(offset + AT_ONCE)) : null);
    } catch (error) {
      fill(list, trouble(error));
    }
  };
  fill(main, element("h1", { tabindex: "-1" }, "People"), about(gallery), controls(gallery, () => load(0)), told, list, more);
  await load(0);
}

function about(gallery) {
  if (gallery.tracklets === 0) return element("p", { class: "plate" }, "This gallery is empty. Add a video first.");
  const rest = gallery.unknown ? `; ${count(gallery.unknown, "sighting")} not assigned to anybody` : "";
  return element("p", { class: "soft" }, `${count(gallery.tracklets, "sighting")} by ${count(Object.keys(gallery.cameras).length, "camera")}${rest}.`);
}

function asked(offset) {
  const query = new URLSearchParams({ offset, limit: AT_ONCE, order: kept.order });
  for (const name of ["name", "camera", "confirmed"]) if (kept[name]) query.set(name, kept[name]);
  return query;
}

function controls(gallery, changed) {
  const name = element("input", { type: "search", value: kept.name, autocomplete: "off", oninput: afterPause(() => {
    kept.name = name.value.trim();
    changed();
  }) });
  const cameras = Object.keys(gallery.cameras).sort().map((each) => [each, each]);
  return element(
    "div",
    { class: "controls" },
    field("Name", name),
    field("Seen by", choice("camera", [["", "any camera"], ...cameras], changed)),
    field("Confirmed", choice("confirmed", [["", "all"], ["true", "confirmed"], ["false", "not confirmed"]], changed)),
    field("Order", choice("order", [["tracklets", "most sightings first"], ["name", "by name"], ["number", "by number"]], changed)),
  );
}

function choice(key, options, changed) {
  const made = element("select", { onchange: () => {
    kept[key] = made.value;
    changed();
  } }, options.map(([value, text]) => element("option", { value, selected: kept[key] === value }, text)));
  return made;
}

/** A person as a card that leads to them. */
export function personCard(identity, href = `#/person/${identity.identity}`) {
  return element(
    "a",
    { class: "card person-card", href },
    crop(identity.picture),
    element(
      "span",
      { class: "about" },
      element("b", {}, personName(identity.identity, identity.name)),
      element("span", { class: "soft" }, count(identity.tracklets.length, "sighting")),
      element("span", { class: "soft" }, some(identity.cameras)),
      identity.confirmed ? element("em", { class: "badge" }, "confirmed") : null,
    ),
  );
}
