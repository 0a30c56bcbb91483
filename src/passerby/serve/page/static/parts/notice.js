// Short words that come up and go, and troubles that stay.
import { get, post, sentence, session } from "/page/api.js";
import { button, element } from "/page/dom.js";

const SECONDS = 8;
const place = document.getElementById("notices");

/** Tells that something was done; `more` are buttons beside it. */
export function notice(text, ...more) {
  const shown = element("div", { class: "notice" }, element("span", {}, text), more, button("×", () => shown.remove(), { class: "quiet", "aria-label": "Close this message" }));
  place.replaceChildren(shown);
  setTimeout(() => {
    // Somebody who is about to press a button of it is not hurried.
    if (!shown.contains(document.activeElement)) shown.remove();
  }, 1000 * SECONDS);
  return shown;
}

/** Takes away what was told before: another change or view begins, and an Undo that stays would be of the one before. */
export function clearNotice() {
  place.replaceChildren();
}

/** Tells that something was changed, with a button that takes back just that; `after` is called then. */
export async function undoable(text, after) {
  const mine = (await get("/v1/changes?limit=50")).find((each) => !each.undone && each.actor === session.actor);
  const undo = button("Undo", async () => {
    try {
      const change = await post("/v1/undo", { change: mine.change });
      notice(`Taken back: ${changeName(change.kind)}.`);
      await after(change);
    } catch (error) {
      notice(error.message);
    }
  });
  notice(text, mine ? undo : null);
}

const CHANGES = {
  identify: "who is who", merge: "a merge", split: "a split", name: "a name or note", decide: "a decision", import: "an import",
};

/** What a kind of change is called. */
export function changeName(kind) {
  return CHANGES[kind] ?? kind;
}

/** A trouble, as a part of the page. */
export function trouble(error) {
  return element("p", { class: "plate wrong", role: "alert" }, error.status === undefined ? "Something in this page went wrong. Load it again." : sentence(error.message));
}
