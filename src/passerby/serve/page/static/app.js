// The page: who is here, which view is asked for, and what stands above it.
import { lacksReason, may, onSignedOut, refreshSession, session } from "/page/api.js";
import { button, element, fill } from "/page/dom.js";
import { clearNotice, trouble } from "/page/parts/notice.js";
import { head } from "/page/parts/head.js";
import * as erase from "/page/views/erase.js";
import * as log from "/page/views/log.js";
import * as people from "/page/views/people.js";
import * as person from "/page/views/person.js";
import * as review from "/page/views/review.js";
import * as search from "/page/views/search.js";
import * as signIn from "/page/views/sign_in.js";
import * as videos from "/page/views/videos.js";

// A view: the first part of the address, its title, who may see it, and `show(main, parts, query)`, which may return
// something to call when the view is left. Those with a `tab` stand in the navigation.
const VIEWS = [
  { path: "search", tab: "Search", title: "Search", role: "viewer", show: search.show },
  { path: "people", tab: "People", title: "People", role: "viewer", show: people.show },
  { path: "person", title: "Person", role: "viewer", show: person.show, under: "people" },
  { path: "review", tab: "Review", title: "Review", role: "reviewer", show: review.show },
  { path: "videos", tab: "Videos", title: "Videos", role: "viewer", show: videos.show },
  { path: "erase", tab: "Erase", title: "Erase", role: "admin", show: erase.show },
  { path: "log", tab: "Log", title: "Log", role: "viewer", show: log.show },
];

const main = document.getElementById("main");
const top = document.getElementById("top");
let leave = null;
let shown = 0;

function asked() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [first, ...parts] = path.split("/").filter(Boolean);
  return { view: VIEWS.find((each) => each.path === first) ?? VIEWS[0], parts, query: new URLSearchParams(query) };
}

async function route() {
  shown += 1;
  const mine = shown;
  leave?.();
  leave = null;
  document.querySelector("dialog[open]")?.close();
  const { view, parts, query } = asked();
  const allowed = VIEWS.filter((each) => each.tab && may(each.role));
  fill(top, head(session.signed_in && !lacksReason() ? allowed : [], view.under ?? view.path, route));
  document.body.classList.toggle("signed-out", !session.signed_in || lacksReason());
  if (!session.signed_in || lacksReason()) {
    document.title = "Sign in · passerby";
    signIn.show(main, route);
    return;
  }
  document.title = `${view.title} · passerby`;
  if (!may(view.role)) {
    fill(main, element("h1", {}, view.title), element("p", { class: "plate" }, `This needs a key of the role ${view.role}. Yours is ${session.role}.`));
    return;
  }
  fill(main, element("h1", { tabindex: "-1" }, view.title), element("p", { class: "loading" }, "Loading…"));
  try {
    const left = await view.show(main, parts, query);
    if (mine !== shown) left?.();
    else leave = left ?? null;
  } catch (error) {
    if (mine !== shown || error.name === "AbortError") return;
    if (error.status === undefined) console.error(error);
    fill(main, element("h1", { tabindex: "-1" }, view.title), trouble(error), button("Try again", route));
  }
  if (mine === shown && !main.contains(document.activeElement)) main.querySelector("h1")?.focus({ preventScroll: true });
}

onSignedOut((reason) => {
  signIn.say(reason);
  route();
});
addEventListener("hashchange", () => {
  scrollTo(0, 0);
  clearNotice();
  route();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
// A file that is dropped beside the place for it must not replace the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

try {
  await refreshSession();
  route();
} catch (error) {
  fill(main, element("h1", {}, "passerby"), trouble(error), button("Try again", () => location.reload()));
}
