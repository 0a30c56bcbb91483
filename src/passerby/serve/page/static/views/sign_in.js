// Who are you, and why are you here?
import { giveReason, session, signIn, signOut } from "/page/api.js";
import { button, element, field, fill } from "/page/dom.js";
import { trouble } from "/page/parts/notice.js";

let said = "";

/** What is told above the form next time. */
export function say(text) {
  said = text;
}

/** Asks for a key, then for a reason where the gallery needs one; `done` is called when all is known. */
export function show(main, done) {
  fill(main, element("div", { class: "sign-in card" }, session.signed_in ? reason(done) : key(main, done)));
  main.querySelector("input").focus();
}

function key(main, done) {
  const input = element("input", { type: "password", required: true, maxlength: 200, autocomplete: "current-password", spellcheck: "false" });
  const problem = element("div", { "aria-live": "assertive" }, said ? element("p", { class: "plate" }, said) : null);
  const go = element("button", { class: "primary" }, "Sign in");
  const submit = async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await signIn(input.value.trim());
      said = "";
      done();
    } catch (error) {
      fill(problem, trouble(error));
      go.disabled = false;
      input.select();
      input.focus();
    }
  };
  return element(
    "form",
    { onsubmit: submit },
    element("h1", { tabindex: "-1" }, "Sign in"),
    element("p", { class: "soft" }, "Find a person in the videos of this gallery. Nothing leaves this service."),
    problem,
    field("Your key", input, "A line of letters and digits from whoever looks after the gallery."),
    element("div", { class: "actions" }, go),
  );
}

function reason(done) {
  const input = element("input", { type: "text", required: true, maxlength: 500, autocomplete: "off", placeholder: "lost child, case 2026-17" });
  const submit = (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    giveReason(input.value.trim());
    done();
  };
  const out = async () => {
    await signOut();
    done();
  };
  return element(
    "form",
    { onsubmit: submit },
    element("h1", { tabindex: "-1" }, "Why are you looking?"),
    element("p", { class: "soft" }, "This gallery asks for a reason. It stands in the log beside every search and view."),
    field("Your reason", input),
    element("div", { class: "actions" }, element("button", { class: "primary" }, "Go on"), session.open ? null : button("Sign out", out)),
  );
}
