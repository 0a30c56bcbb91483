// Erase somebody who asks for it: whom, what would go, and the receipt.
import { get, remove, session } from "/page/api.js";
import { afterPause, button, element, field, fill } from "/page/dom.js";
import { trouble } from "/page/parts/notice.js";
import { openSighting, table } from "/page/parts/sighting.js";
import { sightingTile } from "/page/parts/tile.js";
import { count, moment, number, personName, some } from "/page/words.js";
import { personCard } from "/page/views/people.js";
import { forget } from "/page/views/search.js";

const AT_ONCE = 24;
const NOT_TOUCHED = ["Not touched", "videos, folders of “passerby track”, and copies that somebody made elsewhere"];

export async function show(main, [person]) {
  if (person) await preview(main, Number(person));
  else await choose(main);
}

async function choose(main) {
  const list = element("div", { class: "people" });
  const told = element("p", { class: "soft", role: "status" });
  const load = async () => {
    try {
      const found = await get(`/v1/identities?${new URLSearchParams({ name: name.value.trim(), limit: AT_ONCE, order: name.value.trim() ? "name" : "tracklets" })}`);
      fill(list, found.identities.map((each) => personCard(each, `#/erase/${each.identity}`)));
      told.textContent = found.total === 0 ? "Nobody fits." : found.total > AT_ONCE ? `${AT_ONCE} of ${number(found.total)} people` : count(found.total, "person", "people");
    } catch (error) {
      fill(list, trouble(error));
    }
  };
  const name = element("input", { type: "search", autocomplete: "off", oninput: afterPause(load) });
  fill(
    main,
    element("h1", { tabindex: "-1" }, "Erase somebody"),
    element("p", { class: "soft wide-text" }, "Whoever asks for it can be erased from this gallery: pictures, features, times and name, in every file of it. First you see what would go. It cannot be undone."),
    element("div", { class: "controls" }, field("Whom? Find them by name", name)),
    element("p", { class: "soft" }, "No name? ", element("a", { href: "#/search" }, "Find them by a picture"), ", open the person, and choose Erase."),
    told,
    list,
  );
  await load();
}

async function preview(main, number_) {
  const [person, gone] = await Promise.all([get(`/v1/identities/${number_}`), get(`/v1/identities/${number_}/erasure`)]);
  const name = personName(person.identity, person.name);
  fill(
    main,
    element("p", { class: "back" }, element("a", { href: "#/erase" }, "‹ Somebody else")),
    element("h1", { tabindex: "-1" }, `Erase ${name}?`),
    element("p", { class: "soft" }, "Look whether this is the person, and only this person."),
    element("div", { class: "card" }, element("div", { class: "strip wrap" }, person.seen.map((each, place) => sightingTile(each, () => openSighting(person.seen, place))))),
    element("section", { class: "card" }, element("h2", {}, "What would go"), whatGoes(gone)),
    gone.held.length
      ? element("p", { class: "plate wrong" }, element("b", {}, "On hold. "), `${count(gone.held.length, "sighting")} must be kept, so nothing can be erased. `, element("a", { href: `#/person/${number_}` }, "End the hold"), " first, if you may.")
      : form(main, person),
  );
}

function whatGoes(gone) {
  return table([
    ["Sightings", number(gone.tracklets)],
    ["Pictures", number(gone.crops)],
    ["Features", `${number(gone.features)} by which the person is recognised`],
    ["Cameras", some(gone.cameras, 8)],
    gone.names.length ? ["Names", gone.names.join(", ")] : null,
    ["Files", gone.files.length ? element("ul", {}, gone.files.map((each) => element("li", {}, each))) : "no page, picture or table outside of the gallery, that it knows of, shows the person"],
    NOT_TOUCHED,
  ]);
}

function form(main, person) {
  const why = element("input", { type: "text", maxlength: 500, required: session.asks_for_reasons, value: session.reason, autocomplete: "off", placeholder: "she asked for it, letter of 3 May" });
  const sure = element("input", { type: "checkbox", required: true });
  const go = element("button", { class: "danger primary" }, "Erase for ever");
  const problem = element("div", {});
  const submit = async (event) => {
    event.preventDefault();
    go.disabled = true;
    fill(problem, element("p", { class: "loading" }, "Erasing, and looking through all files for what may be left…"));
    try {
      const receipt = await remove(`/v1/identities/${person.identity}`, { reason: why.value.trim() });
      forget();
      drawReceipt(main, receipt);
    } catch (error) {
      go.disabled = false;
      fill(problem, trouble(error));
    }
  };
  return element(
    "form",
    { class: "card ask", onsubmit: submit },
    field("Why", why, "It stands in the log and on the receipt. Write no name of the person."),
    element("label", { class: "check" }, sure, "Erase this person for ever. It cannot be undone."),
    problem,
    element("div", { class: "actions" }, go, element("a", { class: "button", href: `#/person/${person.identity}` }, "Leave it")),
  );
}

function drawReceipt(main, receipt) {
  const file = new Blob([`${JSON.stringify(receipt, null, 2)}\n`], { type: "application/json" });
  const address = URL.createObjectURL(file);
  fill(
    main,
    element("h1", { tabindex: "-1" }, "Erased"),
    element("p", { class: "plate right" }, `${count(receipt.tracklets, "sighting")} with ${count(receipt.crops, "picture")} are gone, and nothing of them was found in ${count(receipt.files_searched, "file")} of the gallery.`),
    element(
      "section",
      { class: "card receipt" },
      element("h2", {}, "Receipt"),
      table([
        ["When", moment(receipt.erased)],
        ["By", receipt.actor],
        ["Why", receipt.reason || "no reason was given"],
        ["Gone", `${count(receipt.identities, "person", "people")}, ${count(receipt.tracklets, "sighting")}, ${count(receipt.crops, "picture")}, ${count(receipt.features, "feature")}`],
        ["Searched", `${count(receipt.pieces_searched, "piece")} of what was erased, in ${count(receipt.files_searched, "file")} of ${number(receipt.bytes_searched)} bytes: none is left`],
        receipt.files_removed ? ["Files removed", number(receipt.files_removed)] : null,
        receipt.files_left.length ? ["Look into", element("ul", {}, receipt.files_left.map((each) => element("li", {}, each)))] : null,
        NOT_TOUCHED,
        ["Mark", element("code", {}, receipt.pieces_hash)],
      ]),
      element("p", { class: "soft" }, "The receipt tells nothing of who it was. The mark proves later what was erased to somebody who still has it."),
    ),
    element(
      "div",
      { class: "actions" },
      element("a", { class: "button primary", href: address, download: `erased-${receipt.erased.slice(0, 10)}.json` }, "Save the receipt"),
      button("Print", () => print()),
      element("a", { class: "button", href: "#/people" }, "Back to the people"),
    ),
  );
  main.querySelector("h1").focus();
}
