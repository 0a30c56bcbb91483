// Find somebody by a picture or by a sentence.
import { get, picture, post, send } from "/page/api.js";
import { button, element, field, fill } from "/page/dom.js";
import { filterFields, filters, noFilters } from "/page/parts/filters.js";
import { results } from "/page/parts/hits.js";
import { trouble } from "/page/parts/notice.js";
import { personButtons, photoWithPeople } from "/page/parts/photo.js";

const HITS = 60;
const CAUSES = {
  no_detector: "People in a photograph cannot be found here, for the service lacks its detector.",
  nobody_found: "Nobody was found in this picture.",
};

// What was asked last stays when one looks at a person and comes back.
const state = { text: "", file: null, address: null, whole: false, sighting: null, narrowed: noFilters(), answer: null, chosen: null };
let running = null;

export async function show(main, parts, query) {
  const wanted = query.get("sighting");
  if (wanted && Number(wanted) !== state.sighting) setPicture(null, { sighting: Number(wanted) });
  const gallery = await get("/v1/gallery");
  const found = element("section", { class: "found", "aria-label": "Results" });
  const status = element("p", { class: "covered", role: "status" });
  const asked = element("div", { class: "asked" });
  const page = { found, asked, status, draw: () => fill(asked, picturePlace(page)) };
  fill(
    main,
    element("h1", { tabindex: "-1" }, "Who are you looking for?"),
    form(gallery, page),
    status,
    found,
  );
  page.draw();
  if (state.answer) drawAnswer(page);
  else if (state.sighting) await search(page);
  else if (gallery.tracklets === 0) fill(found, element("p", { class: "plate" }, "This gallery is empty. Add a video first."));
  const paste = (event) => {
    const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (file) take(page, file);
  };
  const heard = { paste, ...drops(page) };
  for (const [name, act] of Object.entries(heard)) addEventListener(name, act);
  return () => {
    for (const [name, act] of Object.entries(heard)) removeEventListener(name, act);
    running?.abort();
  };
}

function form(gallery, page) {
  const input = element("input", { type: "search", value: state.text, maxlength: 1000, placeholder: "a woman in a red coat with a black bag", autocomplete: "off", enterkeyhint: "search" });
  const submit = (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return input.focus();
    setPicture(null);
    state.text = text;
    page.draw();
    search(page);
  };
  page.sentence = input;
  return element(
    "form",
    { class: "ask card", onsubmit: submit },
    page.asked,
    element("div", { class: "or" }, "or say it in words"),
    element("div", { class: "sentence" }, field("A sentence about the person", input), element("button", { class: "primary" }, "Search")),
    filters(gallery.cameras, state.narrowed, () => {
      if (state.file || state.sighting || state.text) search(page);
    }),
  );
}

/** A picture may be dropped anywhere in this view, also to take the place of another one. */
function drops(page) {
  const over = (is) => page.asked.querySelector(".drop, .chosen")?.classList.toggle("over", is);
  return {
    dragover: (event) => over(event.dataTransfer.types.includes("Files")),
    dragleave: (event) => {
      if (event.relatedTarget === null) over(false);
    },
    drop: (event) => {
      over(false);
      if (event.dataTransfer.files[0]) take(page, event.dataTransfer.files[0]);
    },
  };
}

/** Where a picture is chosen, or dropped; with one, what it is. */
function picturePlace(page) {
  if (state.sighting) return tag(page, `People like sighting ${state.sighting}`, picture(`/v1/tracklets/${state.sighting}/crops/0`));
  if (state.file) return tag(page, state.file.name, state.address);
  const file = element("input", { type: "file", id: "picture", accept: "image/*", class: "covered", onchange: () => {
    if (file.files[0]) take(page, file.files[0]);
  } });
  const place = element(
    "label",
    { class: "drop", for: "picture" },
    file,
    element("b", {}, "Drop a picture here, or choose one"),
    element("span", {}, "A photograph with several people will do: you say which one is meant."),
  );
  return place;
}

function tag(page, name, address) {
  const other = button("Another picture", () => {
    setPicture(null);
    page.draw();
    fill(page.found);
    page.asked.querySelector("input").focus();
  });
  const image = element("img", { src: address, alt: "", onerror: () => image.remove() });
  return element("div", { class: "chosen" }, image, element("span", {}, name), other);
}

function setPicture(file, { whole = false, sighting = null } = {}) {
  if (state.address) URL.revokeObjectURL(state.address);
  Object.assign(state, { file, whole, sighting, text: "", answer: null, chosen: null, address: file ? URL.createObjectURL(file) : null });
}

/** Forgets what was found, since somebody in it may be gone. */
export function forget() {
  state.answer = null;
  state.chosen = null;
}

function take(page, file) {
  setPicture(file);
  page.sentence.value = "";
  page.draw();
  search(page);
}

async function search(page) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  fill(page.found, element("p", { class: "loading" }, "Searching…"));
  try {
    state.answer = await ask(signal);
    const { queries } = state.answer;
    state.chosen = queries.length === 1 ? 0 : state.chosen !== null && state.chosen < queries.length ? state.chosen : null;
    drawAnswer(page);
  } catch (error) {
    if (error.name === "AbortError") return;
    state.answer = null;
    fill(page.found, refusal(error));
    const whole = await wholeButton(page, error);
    if (whole && !signal.aborted && state.file) page.found.append(whole);
  }
}

function ask(signal) {
  const fields = { ...filterFields(state.narrowed), count: HITS };
  if (state.sighting) return post("/v1/search", { ...fields, tracklet: state.sighting }, { signal });
  if (!state.file) return post("/v1/search", { ...fields, text: state.text }, { signal });
  const form = new FormData();
  form.append(state.whole ? "crop" : "picture", state.file);
  for (const [name, value] of Object.entries(fields)) {
    for (const each of Array.isArray(value) ? value : [value]) form.append(name, each);
  }
  return send("/v1/search", form, { signal });
}

/** Why nothing was looked for: in words of ours where those of the service are for programs. */
function refusal(error) {
  const words = CAUSES[error.body?.refused?.[0]?.cause];
  return words ? element("p", { class: "plate wrong", role: "alert" }, words) : trouble(error);
}

/** Where nobody is found in a picture, or the detector is missing, it may be of one person and little else. */
async function wholeButton(page, error) {
  if (!state.file || state.whole || error.status !== 422 || !(await isPicture(state.file))) return null;
  return element(
    "p",
    {},
    "Does the picture show one person and little else? ",
    button("Search with the whole picture", () => useWhole(page), { class: "primary" }),
  );
}

/** Whether this browser can read a file as a picture. */
function isPicture(file) {
  return createImageBitmap(file).then((read) => {
    read.close();
    return true;
  }, () => false);
}

function useWhole(page) {
  state.whole = true;
  state.chosen = null;
  search(page);
}

function drawAnswer(page) {
  const { queries, refused } = state.answer;
  const photo = queries[0]?.kind === "picture";
  const choose = (place) => {
    state.chosen = place;
    drawAnswer(page);
    page.found.querySelector(".verdict, .plate")?.scrollIntoView({ block: "nearest" });
    page.found.querySelector('.choice [aria-pressed="true"]')?.focus({ preventScroll: true });
  };
  fill(
    page.found,
    refused.map((each) => element("p", { class: "plate wrong" }, each.reason)),
    photo ? whichPerson(page, queries, choose) : null,
    state.chosen === null ? null : results(queries[state.chosen]),
  );
  page.status.textContent = page.found.querySelector(".verdict, .which h2, .plate")?.textContent ?? "";
}

function whichPerson(page, queries, choose) {
  const several = queries.length > 1;
  const whole = button("The whole picture is one person", () => useWhole(page), { class: "quiet" });
  return element(
    "div",
    { class: "card which" },
    several ? element("h2", {}, state.chosen === null ? `${queries.length} people are in this picture. Which one do you mean?` : `Looking for person ${queries[state.chosen].person}`) : null,
    photoWithPeople(state.address, queries, state.chosen, choose),
    several ? personButtons(queries, state.chosen, choose) : null,
    whole,
  );
}
