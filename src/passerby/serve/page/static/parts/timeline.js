// When each camera saw somebody: one line for each, all over the same time.
import { element } from "/page/dom.js";
import { clock, day, moment, place, when } from "/page/words.js";

const LEAST = 0.8;

/** Lines of all cameras; `open` is called with the place of the sighting whose bar is pressed. */
export function timeline(sightings, open) {
  if (sightings.length === 0) return null;
  const byClock = sightings.every((each) => each.taken_from);
  const begin = (each) => (byClock ? Date.parse(each.taken_from) / 1000 : each.begins);
  const end = (each) => (byClock ? Date.parse(each.taken_to) / 1000 : each.ends);
  const first = Math.min(...sightings.map(begin));
  const last = Math.max(...sightings.map(end));
  const whole = Math.max(last - first, 1e-3);
  const cameras = [...new Set(sightings.map((each) => each.camera))].sort();
  const lanes = cameras.map((camera) => {
    const bars = sightings.map((each, index) => {
      if (each.camera !== camera) return null;
      const width = Math.max(LEAST, (100 * (end(each) - begin(each))) / whole);
      const left = Math.min(100 - width, (100 * (begin(each) - first)) / whole);
      return element("button", {
        type: "button", place: { left: `${left}%`, width: `${width}%` }, title: when(each), "aria-label": `${camera}, ${when(each)}`, onclick: () => open(index),
      });
    });
    return element("div", { class: "lane" }, element("span", { class: "camera", title: camera }, camera), element("div", { class: "bars" }, bars));
  });
  const text = (seconds) => (byClock ? clock(1000 * seconds) : place(seconds));
  const oneDay = byClock && day(1000 * first) === day(1000 * last);
  const ends = byClock && !oneDay ? [moment(1000 * first), moment(1000 * last)] : [text(first), text(last)];
  return element(
    "section",
    { class: "timeline", "aria-label": "Time line" },
    lanes,
    element("div", { class: "lane axis" }, element("span", {}), element("div", {}, element("span", {}, ends[0]), element("span", {}, ends[1]))),
    byClock ? null : element("p", { class: "soft" }, "Times since each video began: nobody said when that was."),
  );
}

