// Videos: those that are looked through, how far that is, and new ones.
import { get, may, remove, upload } from "/page/api.js";
import { button, element, field, fill } from "/page/dom.js";
import { notice, trouble } from "/page/parts/notice.js";
import { count, moment, number } from "/page/words.js";

const AS_CALLED = "as the video is called";
const ENDED = ["done", "failed", "cancelled"];
const STATES = { queued: "waiting", running: "running", cancelling: "stopping", done: "done", failed: "failed", cancelled: "stopped" };

export async function show(main) {
  const list = element("div", { class: "jobs" });
  const page = { list, events: null, stopped: false };
  page.load = async () => {
    const jobs = await get("/v1/jobs");
    if (page.stopped) return;
    fill(list, jobs.length ? jobs.map((each) => jobCard(each, page)) : element("p", { class: "plate" }, "No video was sent with this page yet."));
    follow(page, jobs);
  };
  await page.load();
  fill(main, element("h1", { tabindex: "-1" }, "Videos"), may("admin") ? form(page) : element("p", { class: "soft" }, "An admin adds videos."), element("h2", { class: "section" }, "What was sent"), list);
  return () => {
    page.stopped = true;
    page.events?.close();
  };
}

/** Follows the oldest video that has not ended; a browser has few connections to one service. */
function follow(page, jobs) {
  page.events?.close();
  page.events = null;
  const next = jobs.filter((each) => !ENDED.includes(each.state)).at(-1);
  if (!next) return;
  page.events = new EventSource(`/v1/jobs/${next.job}/events`);
  page.events.addEventListener("job", (event) => {
    const job = JSON.parse(event.data);
    const old = page.list.querySelector(`[data-job="${job.job}"]`);
    const focused = old?.contains(document.activeElement);
    const made = jobCard(job, page);
    old?.replaceWith(made);
    if (focused) (made.querySelector("button") ?? document.querySelector("h1"))?.focus();
    if (ENDED.includes(job.state)) page.load().catch((error) => notice(error.message));
  });
}

function jobCard(job, page) {
  const running = !ENDED.includes(job.state);
  const cancel = async () => {
    try {
      const changed = await remove(`/v1/jobs/${job.job}`);
      page.list.querySelector(`[data-job="${job.job}"]`)?.replaceWith(jobCard(changed, page));
    } catch (error) {
      notice(error.message);
    }
  };
  return element(
    "article",
    { class: `card job ${job.state}`, "data-job": job.job },
    element("div", { class: "title" }, element("h2", {}, job.video), element("em", { class: `badge ${job.state === "failed" ? "failed" : job.state === "done" ? "" : "open"}` }, STATES[job.state])),
    element("p", { class: "soft" }, [job.camera ? `camera ${job.camera}` : null, `sent by ${job.actor}`, moment(job.made)].filter(Boolean).join(" · ")),
    running ? progress(job) : element("p", {}, outcome(job)),
    running && may("admin") && job.state !== "cancelling" ? element("div", { class: "actions" }, button("Stop", cancel, { "aria-label": `Stop ${job.video}` })) : null,
  );
}

function progress(job) {
  const { phase, done, total, unit } = job.progress;
  const told = phase === null && !done ? (job.state === "queued" ? "Waits for its turn" : "Begins") : [phase, total ? `${number(done)} of ${number(total)} ${unit ?? ""}` : done ? `${number(done)} ${unit ?? ""}` : null].filter(Boolean).join(": ");
  const bar = element("progress", { max: total || 1, "aria-label": `How far ${job.video} is` });
  if (total) bar.value = done;
  if (job.state === "queued") bar.value = 0;
  return element("div", {}, bar, element("p", { class: "soft" }, told));
}

function outcome(job) {
  const { new: fresh, known, erased } = job.progress;
  if (job.state === "failed") return element("span", { class: "failed-text" }, job.message || "It failed.");
  if (job.state === "cancelled") return "What was found until then stays in the gallery.";
  return [
    `${count(fresh ?? 0, "new sighting")}`,
    known ? `${number(known)} known before` : null,
    erased ? `${number(erased)} left out, since they were erased` : null,
  ].filter(Boolean).join(" · ");
}

function form(page) {
  const file = element("input", { type: "file", accept: "video/*,.mkv,.avi,.ts", required: true, onchange: () => {
    const name = file.files[0]?.name ?? "";
    camera.placeholder = name.replace(/\.[^.]*$/, "") || AS_CALLED;
  } });
  const camera = element("input", { type: "text", maxlength: 100, autocomplete: "off", pattern: "[^=]+", placeholder: AS_CALLED });
  const start = element("input", { type: "datetime-local", step: 1 });
  const fps = element("input", { type: "number", min: 0.1, max: 1000, step: "any", placeholder: "all" });
  const bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "How much of the video has arrived" });
  const problem = element("div", {});
  const go = element("button", { class: "primary" }, "Add the video");
  let stopper = null;
  const stop = button("Stop the upload", () => stopper?.abort(), { hidden: true });
  const busy = (on) => {
    for (const each of [go, file]) each.disabled = on;
    stop.hidden = bar.hidden = !on;
  };
  const submit = async (event) => {
    event.preventDefault();
    stopper = new AbortController();
    fill(problem);
    bar.value = 0;
    busy(true);
    try {
      await upload(`/v1/videos?${fields(file.files[0], camera, start, fps)}`, file.files[0], (share) => { bar.value = share; }, stopper.signal);
      made.reset();
      camera.placeholder = AS_CALLED;
      notice("The video has arrived. It is looked through now.");
      await page.load();
    } catch (error) {
      if (error.name !== "AbortError") fill(problem, trouble(error));
    }
    busy(false);
  };
  const made = element(
    "form",
    { class: "card ask", onsubmit: submit },
    element("h2", {}, "Add a video"),
    element(
      "div",
      { class: "fields" },
      field("Video file", file),
      field("Camera", camera, "Videos of one camera get the same name."),
      field("When it began", start, "So that times of day are known."),
      field("Frames a second to look at", fps, "Fewer are faster."),
    ),
    problem,
    bar,
    element("div", { class: "actions" }, go, stop),
  );
  return made;
}

/** A name that the service takes: letters, digits and a few signs. */
function plainName(name) {
  return name.replace(/[^\p{L}\p{N}_ .()+-]/gu, "_").replace(/^[^\p{L}\p{N}_]+/u, "") || "video.mp4";
}

function fields(file, camera, start, fps) {
  const asked = new URLSearchParams({ name: plainName(file.name) });
  if (camera.value.trim()) asked.set("camera", camera.value.trim());
  if (start.value) asked.set("start", new Date(start.value).toISOString());
  if (fps.value) asked.set("fps", fps.value);
  return asked;
}
