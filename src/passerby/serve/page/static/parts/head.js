// What stands above every view: where one can go, who is here and why, and the colours.
import { giveReason, session, signOut } from "/page/api.js";
import { button, element } from "/page/dom.js";
import { askText } from "/page/parts/dialog.js";

const NEXT = { system: "dark", dark: "light", light: "system" };
const COLOURS = { system: "as your system", dark: "dark", light: "light" };

/** The head with its navigation; `again` shows the present view anew. */
export function head(views, current, again) {
  const links = views.map((each) =>
    element("a", { href: `#/${each.path}`, "aria-current": each.path === current ? "page" : null }, each.tab),
  );
  return [
    element("a", { class: "brand", href: "#/search" }, element("img", { src: "/page/icon.svg", alt: "", width: 26, height: 26 }), "passerby"),
    links.length ? element("nav", { "aria-label": "Views" }, links) : element("span", { class: "stretch" }),
    element("div", { class: "who" }, why(again), who(again), colours()),
  ];
}

function why(again) {
  if (!session.signed_in || !session.asks_for_reasons || !session.reason) return null;
  const change = async () => {
    const text = await askText("Why are you looking?", "Your reason", session.reason, "It stands in the log beside everything you do.");
    if (text) {
      giveReason(text);
      again();
    }
  };
  return button(session.reason, change, { class: "quiet reason", title: `Your reason: ${session.reason}`, "aria-label": `Your reason: ${session.reason}. Change it` });
}

function who(again) {
  if (!session.signed_in || session.open) return null;
  const out = async () => {
    await signOut();
    location.hash = "#/search";
    again();
  };
  return [
    element("span", { class: "actor", title: `Signed in as ${session.actor} (${session.role})` }, session.actor),
    button("Sign out", out, { class: "quiet" }),
  ];
}

function chosen() {
  return document.documentElement.dataset.theme ?? "system";
}

function colours() {
  const about = () => `Colours: ${COLOURS[chosen()]}. Change them`;
  const change = (event) => {
    const next = NEXT[chosen()];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    localStorage.setItem("passerby-theme", next);
    event.currentTarget.setAttribute("aria-label", about());
    event.currentTarget.title = about();
  };
  return button("◐", change, { class: "quiet theme", "aria-label": about(), title: about() });
}
