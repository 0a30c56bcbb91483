// Elements made by hand. What people wrote becomes text, never markup.

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "open", "tabIndex", "files"]);

/**
 * Makes an element. Attributes that are functions listen (`onclick`), `place` sets single style properties, and
 * null or undefined is left out. Children are elements, texts, or lists of them.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (name === "place") for (const [key, each] of Object.entries(value)) made.style.setProperty(key, each);
    else if (PROPERTIES.has(name)) made[name] = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, String(value));
  }
  append(made, children);
  return made;
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** Puts other children into an element. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
  return parent;
}

/** A button with a text. */
export function button(text, onclick, attributes = {}) {
  return element("button", { type: "button", onclick, ...attributes }, text);
}

let numbers = 0;

/** An input with its label, and a hint below. */
export function field(label, input, hint = null) {
  numbers += 1;
  input.id ||= `field-${numbers}`;
  const told = hint === null ? null : element("small", { id: `${input.id}-hint` }, hint);
  if (told !== null) input.setAttribute("aria-describedby", told.id);
  return element("div", { class: "field" }, element("label", { for: input.id }, label), input, told);
}

/** Waits until somebody pauses, then calls with the latest arguments. */
export function afterPause(call, milliseconds = 250) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...given), milliseconds);
  };
}
