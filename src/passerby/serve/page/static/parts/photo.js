// A photograph with a box around everybody in it. One is chosen; the others can be blurred.
import { button, element, fill } from "/page/dom.js";
import { count, percent } from "/page/words.js";

/**
 * Shows a photograph with its people.
 *
 * people: `{person, box, size, detection}` as the service answers them.
 * chosen: the place of the one who is chosen; null for nobody yet.
 * choose: called with a place.
 */
export function photoWithPeople(address, people, chosen, choose) {
  const [width, height] = people[0].size;
  const alone = people.length === 1;
  const boxes = people.map((each, place) => {
    const [left, top, right, bottom] = each.box;
    return element(
      "button",
      {
        type: "button",
        class: "person-box",
        place: {
          left: `${(100 * left) / width}%`, top: `${(100 * top) / height}%`,
          width: `${(100 * (right - left)) / width}%`, height: `${(100 * (bottom - top)) / height}%`,
        },
        "aria-pressed": String(place === chosen),
        "aria-label": `Person ${each.person} of ${people.length}, from the left`,
        title: `Person ${each.person}; found with ${percent(each.detection)} certainty`,
        onclick: () => choose(place),
      },
      alone ? null : element("b", { "aria-hidden": "true" }, String(each.person)),
    );
  });
  const plate = element("div", { class: "photo", place: { "aspect-ratio": `${width} / ${height}`, "max-width": `min(100%, ${(36 * width) / height}vh)` } });
  const image = element("img", { src: address, alt: `Your picture, with ${count(people.length, "person", "people")} found` });
  image.addEventListener("error", () => {
    image.replaceWith(element("p", { class: "no-photo" }, "This browser cannot show the picture. The boxes are where the people are."));
  });
  fill(plate, image, boxes);
  if (alone || chosen === null) return plate;
  const blur = element("input", { type: "checkbox", checked: blurOthers, onchange: () => {
    blurOthers = blur.checked;
    plate.classList.toggle("blurred", blurOthers);
  } });
  plate.classList.toggle("blurred", blurOthers);
  return element("div", {}, plate, element("label", { class: "check" }, blur, "Blur everybody else"));
}

let blurOthers = true;

/** Buttons for the same choice, for those who would rather not aim. */
export function personButtons(people, chosen, choose) {
  return element(
    "div",
    { class: "choice", role: "group", "aria-label": "Who is looked for" },
    people.map((each, place) => button(`Person ${each.person}`, () => choose(place), { "aria-pressed": String(place === chosen) })),
  );
}
