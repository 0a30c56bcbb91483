// How sure it is that two pictures show one person: words, a number, and a bar.
import { element } from "/page/dom.js";
import { percent, sureness } from "/page/words.js";

/** Words, number and bar; `score` stands in where no probability is known. */
export function sure(probability, score = null) {
  if (probability === null) {
    const told = score === null ? "How sure is not known" : `Likeness ${score.toFixed(2)} of 1`;
    return element("p", { class: "sure unknown" }, told);
  }
  const kind = probability >= 0.9 ? "high" : probability >= 0.5 ? "middle" : "low";
  return element(
    "p",
    { class: `sure ${kind}` },
    element("span", { class: "meter", "aria-hidden": "true" }, element("i", { place: { width: `${Math.max(3, 100 * probability)}%` } })),
    element("span", {}, `${sureness(probability)}, `, element("b", {}, percent(probability))),
  );
}
