// Numbers and times as people say them.

const MOMENT = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const NUMBER = new Intl.NumberFormat("en-GB");

const SURE = [
  [0.99, "Almost certainly the same person"],
  [0.9, "Very likely the same person"],
  [0.7, "Likely the same person"],
  [0.5, "Perhaps the same person"],
  [0.2, "Probably somebody else"],
  [0, "Very likely somebody else"],
];

/** A probability in words. */
export function sureness(probability) {
  return SURE.find(([least]) => probability >= least)[1];
}

/** A share in percent; never 0 or 100 where that is not so. */
export function percent(share) {
  if (share > 0.99 && share < 1) return "over 99 %";
  if (share > 0 && share < 0.01) return "under 1 %";
  return `${Math.round(100 * share)} %`;
}

/** 12345 as 12,345. */
export function number(value) {
  return NUMBER.format(value);
}

/** "1 sighting", "2 sightings". */
export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** A day and a time of it, in the browser's time zone. */
export function moment(text) {
  return MOMENT.format(new Date(text));
}

export function day(text) {
  return DAY.format(new Date(text));
}

export function clock(text) {
  return CLOCK.format(new Date(text));
}

/** Seconds as 1:02 or 1:00:02. */
export function place(seconds) {
  const whole = Math.floor(seconds);
  const rest = [Math.floor(whole / 60) % 60, whole % 60].map((each) => String(each).padStart(2, "0"));
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${rest.join(":")}` : `${Math.floor(whole / 60)}:${rest[1]}`;
}

/** How long something is, in one unit: "45 s", "12 min", "3 h", "2 days". */
export function length(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** How a person is called. */
export function personName(identity, name) {
  return name || (identity === null ? "Not assigned to anybody" : `Person ${identity}`);
}

/** A video without the mark of its content. */
export function videoName(video) {
  return video.replace(/@[0-9a-f]{6,}$/, "");
}

/** Whether the times of a sighting are seconds since 1970, as they are where its video has a start time. */
function countsFrom1970(sighting) {
  return Boolean(sighting.taken_from) && Math.abs(Date.parse(sighting.taken_from) / 1000 - sighting.begins) < 1;
}

/** Where in its video a sighting begins: the day and time where the video has a start time, else since it began. */
export function beginning(sighting) {
  return countsFrom1970(sighting) ? moment(sighting.taken_from) : place(sighting.begins);
}

/** Likewise, from where to where. */
export function extent(sighting) {
  if (!countsFrom1970(sighting)) return `${place(sighting.begins)} to ${place(sighting.ends)}`;
  const { taken_from: from, taken_to: to } = sighting;
  return `${moment(from)} to ${day(from) === day(to) ? clock(to) : moment(to)}`;
}

/** When a sighting was: of day where that is known, else in the video. */
export function when(sighting) {
  if (sighting.taken_from) return moment(sighting.taken_from);
  return `${place(sighting.begins)} into ${videoName(sighting.video)}`;
}

/** Likewise, for small places. */
export function shortWhen(sighting) {
  return sighting.taken_from ? clock(sighting.taken_from) : place(sighting.begins);
}

/** From when to when some sightings were. */
export function span(sightings) {
  if (sightings.length === 0) return "";
  if (!sightings.every((each) => each.taken_from)) return "";
  const from = sightings.map((each) => each.taken_from).reduce((a, b) => (a < b ? a : b));
  const to = sightings.map((each) => each.taken_to).reduce((a, b) => (a > b ? a : b));
  return day(from) === day(to) ? `${day(from)}, ${clock(from)} – ${clock(to)}` : `${moment(from)} – ${moment(to)}`;
}

/** "gate, yard and 3 more". */
export function some(names, most = 3) {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
