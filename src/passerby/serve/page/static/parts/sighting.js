// A sighting, large: who, where and when, and all its pictures.
import { picture } from "/page/api.js";
import { button, element, fill } from "/page/dom.js";
import { openDialog } from "/page/parts/dialog.js";
import { extent, length, moment, percent, personName, videoName } from "/page/words.js";

/** Opens sightings of a list, beginning with one of them. Arrows left and right go through pictures, then sightings. */
export function openSighting(sightings, first = 0) {
  let at = first;
  let shown = best(sightings[at]);
  const body = element("div", { class: "sighting-large" });
  const draw = () => fill(body, stage(), facts(sightings[at]));

  const go = (step) => {
    const pictures = sightings[at].crops.length;
    const next = shown + step;
    if (next >= 0 && next < pictures) shown = next;
    else if (at + step >= 0 && at + step < sightings.length) {
      at += step;
      shown = step > 0 ? 0 : Math.max(0, sightings[at].crops.length - 1);
    }
    draw();
    dialog.querySelector("h2").focus();
  };
  const stage = () => {
    const { crops, camera } = sightings[at];
    const large = crops.length
      ? element("img", { class: "large", src: picture(crops[shown]), alt: `Picture ${shown + 1} of ${crops.length} of this sighting at ${camera}` })
      : element("p", { class: "plate" }, "No picture was kept of this sighting.");
    const small = crops.map((address, place) =>
      element(
        "button",
        { type: "button", "aria-label": `Picture ${place + 1}`, "aria-pressed": String(place === shown), onclick: () => { shown = place; draw(); body.querySelectorAll(".thumbs button")[place].focus(); } },
        element("img", { src: picture(address), alt: "" }),
      ),
    );
    return element("div", { class: "stage" }, large, crops.length > 1 ? element("div", { class: "thumbs" }, small) : null);
  };
  const facts = (each) => element(
    "div",
    { class: "facts" },
    table([
      ["Who", element("span", {}, personName(each.identity, each.name), each.confirmed ? element("em", { class: "badge" }, "confirmed") : null)],
      ["Camera", each.camera],
      ["When", each.taken_from ? `${moment(each.taken_from)}, for ${length(each.ends - each.begins)}` : `not known; for ${length(each.ends - each.begins)}`],
      ["In the video", `${videoName(each.video)}, ${extent(each)}`],
      ["Seen", `${percent(each.visible)} not hidden by others; ${Math.round(each.height)} pixels tall`],
      each.caption ? ["Looks", each.caption] : null,
      ["Sighting", `number ${each.tracklet}`],
    ]),
    element(
      "div",
      { class: "actions column" },
      each.identity === null ? null : element("a", { class: "button primary", href: `#/person/${each.identity}` }, "Open this person"),
      element("a", { class: "button", href: `#/search?sighting=${each.tracklet}` }, "Search for people like this"),
    ),
    sightings.length > 1
      ? element("div", { class: "walk" }, button("‹ Before", () => jump(-1), { disabled: at === 0 }), element("span", {}, `${at + 1} of ${sightings.length}`), button("After ›", () => jump(1), { disabled: at === sightings.length - 1 }))
      : null,
  );
  const jump = (step) => {
    at += step;
    shown = best(sightings[at]);
    draw();
    const buttons = body.querySelectorAll(".walk button");
    const wanted = buttons[step > 0 ? 1 : 0];
    (wanted.disabled ? buttons[step > 0 ? 0 : 1] : wanted).focus();
  };
  draw();
  const dialog = openDialog("Sighting", { wide: true }, body);
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") go(1);
    if (event.key === "ArrowLeft") go(-1);
  });
}

function best(sighting) {
  return Math.max(0, sighting.crops.indexOf(sighting.picture));
}

/** Facts as a list of terms and what they are. */
export function table(rows) {
  return element("dl", {}, rows.filter(Boolean).map(([term, told]) => [element("dt", {}, term), element("dd", {}, told)]));
}
