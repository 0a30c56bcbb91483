// Windows above the page. Escape closes them, and the focus returns to where it was.
import { button, element, field } from "/page/dom.js";

/** Opens a window with a title; returns it. It is gone when it is closed. */
export function openDialog(title, { wide = false, closed = () => {} } = {}, ...content) {
  const before = document.activeElement;
  const heading = element("h2", { id: "dialog-title", tabindex: "-1" }, title);
  const dialog = element(
    "dialog",
    { class: wide ? "wide" : null, "aria-labelledby": "dialog-title" },
    element("header", {}, heading, button("×", () => dialog.close(), { class: "quiet close", "aria-label": "Close" })),
    content,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
    // The browser has put the focus back already where it could, and somebody may have gone on from there since.
    if (document.activeElement === document.body && before?.isConnected) before.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks for a text; gives it, or null where somebody thought better of it. */
export function askText(title, label, value = "", hint = null, { optional = false, confirm = "Save", danger = false, about = [] } = {}) {
  return new Promise((answer) => {
    let given = null;
    const input = element("input", { type: "text", value, maxlength: 500, required: !optional, autocomplete: "off" });
    const submit = (event) => {
      event.preventDefault();
      given = input.value.trim();
      if (given || optional) dialog.close();
      else input.focus();
    };
    const form = element(
      "form",
      { onsubmit: submit },
      about,
      field(label, input, hint),
      element("div", { class: "actions" }, element("button", { class: danger ? "danger" : "primary" }, confirm), button("Cancel", () => {
        given = null;
        dialog.close();
      })),
    );
    const dialog = openDialog(title, { closed: () => answer(given) }, form);
    input.select();
    input.focus();
  });
}
