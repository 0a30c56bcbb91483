// Where and when, how tall and how well visible: which sightings count.
import { element, field } from "/page/dom.js";
import { number } from "/page/words.js";

/** The filters as a part of a form, kept in `kept`; `changed` is called whenever one changes. */
export function filters(cameras, kept, changed) {
  const names = Object.keys(cameras).sort();
  const boxes = names.map((name) => {
    const box = element("input", { type: "checkbox", checked: kept.cameras.includes(name), onchange: () => {
      kept.cameras = box.checked ? [...kept.cameras, name] : kept.cameras.filter((each) => each !== name);
      told();
    } });
    return element("label", { class: "chip" }, box, element("span", {}, name, " ", element("small", {}, number(cameras[name]))));
  });
  const input = (key, attributes) => {
    const made = element("input", { ...attributes, value: kept[key], onchange: () => {
      kept[key] = made.value;
      told();
    } });
    return made;
  };
  const summary = element("summary", {});
  const told = (first = false) => {
    const used = Number(kept.cameras.length > 0) + ["since", "until", "height", "visible"].filter((key) => kept[key]).length;
    summary.textContent = used ? `Narrow down (${used} in use)` : "Narrow down by camera, time or size";
    if (!first) changed();
  };
  told(true);
  return element(
    "details",
    { class: "filters", open: kept.open, ontoggle: (event) => { kept.open = event.currentTarget.open; } },
    summary,
    element("fieldset", {}, element("legend", {}, "Cameras"), element("div", { class: "chips" }, boxes), element("small", {}, "None chosen: all of them.")),
    element(
      "div",
      { class: "fields" },
      field("Seen after", input("since", { type: "datetime-local", step: 1 })),
      field("Seen before", input("until", { type: "datetime-local", step: 1 })),
      field("At least so tall, in pixels", input("height", { type: "number", min: 0, max: 10000, step: 1, placeholder: "any" })),
      field("At least so much visible, in %", input("visible", { type: "number", min: 0, max: 100, step: 5, placeholder: "any" })),
    ),
  );
}

/** Filters that let everything through. */
export function noFilters() {
  return { cameras: [], since: "", until: "", height: "", visible: "", open: false };
}

/** The filters as the service takes them. */
export function filterFields(kept) {
  const fields = {};
  if (kept.cameras.length) fields.cameras = kept.cameras;
  if (kept.since) fields.since = new Date(kept.since).toISOString();
  if (kept.until) fields.until = new Date(kept.until).toISOString();
  if (kept.height) fields.min_height = Number(kept.height);
  if (kept.visible) fields.min_visible = Number(kept.visible) / 100;
  return fields;
}
