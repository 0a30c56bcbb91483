// What a search found, one card for each person.
import { element, fill, button } from "/page/dom.js";
import { openSighting } from "/page/parts/sighting.js";
import { sure } from "/page/parts/sure.js";
import { sightingTile } from "/page/parts/tile.js";
import { count, personName, some, span } from "/page/words.js";

const LIKELY = 0.5;
const SHOWN = 12;
const UNLIKELY_SHOWN = 6;

/** Hits of one query by person, the best first; sightings that belong to nobody stay alone. */
export function grouped(hits) {
  const groups = new Map();
  for (const hit of hits) {
    const key = hit.identity === null ? `alone ${hit.tracklet}` : hit.identity;
    if (!groups.has(key)) groups.set(key, { identity: hit.identity, name: hit.name, confirmed: hit.confirmed, hits: [] });
    groups.get(key).hits.push(hit);
  }
  return [...groups.values()];
}

/** The answer to one query. */
export function results(query) {
  const groups = grouped(query.hits);
  if (groups.length === 0) {
    return element("p", { class: "plate" }, element("b", {}, "Nobody was found. "), "No sighting fits what you narrowed down to. Use fewer filters.");
  }
  const list = element("div", { class: "results" });
  const draw = (shown) => fill(
    list,
    groups.slice(0, shown).map(card),
    groups.length > shown ? button(`Show ${groups.length - shown} less likely`, () => draw(groups.length), { class: "more" }) : null,
  );
  draw(first(groups));
  return [verdict(query, groups), list];
}

/** How many are shown at first: of those who are unlikely only a few. */
function first(groups) {
  if (groups[0].hits[0].probability === null) return SHOWN;
  return groups.filter((group) => group.hits[0].probability >= LIKELY).length + UNLIKELY_SHOWN;
}

function verdict(query, groups) {
  const best = query.hits[0].probability;
  if (query.kind === "text") return element("p", { class: "verdict" }, element("b", {}, "Who fits the sentence best comes first. "), "Words say less than a picture: look before you believe.");
  if (best === null) return element("p", { class: "verdict" }, element("b", {}, "Most alike come first."), " This gallery has seen too few people at once to say how sure that is.");
  const likely = groups.filter((group) => group.hits[0].probability >= LIKELY);
  if (likely.length === 0) return element("p", { class: "verdict nobody" }, element("b", {}, "Nobody in this gallery is likely to be this person. "), "Below are those most alike, in case.");
  const people = count(likely.length, "person", "people");
  return element("p", { class: "verdict" }, element("b", {}, `${people} may be the one you look for. `), likely.length < groups.length ? "Less likely ones follow." : "");
}

function card(group) {
  const [best] = group.hits;
  const name = personName(group.identity, group.name);
  const heading = group.identity === null ? name : element("a", { href: `#/person/${group.identity}` }, name);
  const cameras = [...new Set(group.hits.map((hit) => hit.camera))].sort();
  const times = span(group.hits);
  return element(
    "article",
    { class: `card hit ${best.probability !== null && best.probability < LIKELY ? "unlikely" : ""}` },
    element("h2", {}, heading, group.confirmed ? element("em", { class: "badge" }, "confirmed") : null),
    sure(best.probability, best.score),
    element("p", { class: "soft" }, [count(group.hits.length, "sighting"), `at ${some(cameras)}`, times].filter(Boolean).join(" · ")),
    element("div", { class: "strip" }, group.hits.map((hit, place) => sightingTile(hit, () => openSighting(group.hits, place)))),
  );
}
