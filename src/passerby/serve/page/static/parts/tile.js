// Pictures of sightings, as buttons that show more.
import { picture } from "/page/api.js";
import { element } from "/page/dom.js";
import { shortWhen, when } from "/page/words.js";

/** A picture alone; a word where there is none. */
export function crop(address, alt = "") {
  if (!address) return element("span", { class: "tile missing" }, "no picture");
  const image = element("img", { src: picture(address), alt, loading: "lazy", decoding: "async" });
  const tile = element("span", { class: "tile" }, image);
  image.addEventListener("error", () => tile.replaceChildren("no picture"));
  return tile;
}

/** A sighting as a button with camera and time below. */
export function sightingTile(sighting, onclick) {
  return element(
    "button",
    { type: "button", class: "sighting", onclick, title: `${sighting.camera}, ${when(sighting)}` },
    crop(sighting.picture),
    element("span", { class: "caption" }, element("b", {}, sighting.camera), element("span", {}, shortWhen(sighting))),
  );
}
