// What is asked of the service. Errors come back with the line that it answered.

/** An answer that is none. */
export class Refused extends Error {
  constructor(status, message, body = {}) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** Who is here; `session.reason` is why, which goes into the log with everything that is asked. */
export const session = { signed_in: false, actor: null, role: null, open: false, reason: "", asks_for_reasons: false };

let signedOut = () => {};

/** Calls this when the service knows us no more. */
export function onSignedOut(call) {
  signedOut = call;
}

const ROLES = ["viewer", "reviewer", "admin"];

/** Whether somebody of this role may come in here. */
export function may(role) {
  return ROLES.indexOf(session.role) >= ROLES.indexOf(role);
}

/** Whether a reason has to be given before anything can be looked at. */
export function lacksReason() {
  return session.signed_in && session.asks_for_reasons && !session.reason;
}

export function headers() {
  const all = { "X-Passerby": "1" };
  if (session.reason) all["X-Reason"] = encodeURIComponent(session.reason);
  return all;
}

async function ask(method, path, { json, form, signal } = {}) {
  const asked = { method, headers: headers(), credentials: "same-origin", signal };
  if (json !== undefined) {
    asked.body = JSON.stringify(json);
    asked.headers["Content-Type"] = "application/json";
  }
  if (form !== undefined) asked.body = form;
  let answer;
  try {
    answer = await fetch(path, asked);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The service does not answer. Is it still running?");
  }
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  if (answer.status === 401 && session.signed_in) {
    session.signed_in = false;
    signedOut(sentence(body.error));
  }
  throw new Refused(answer.status, sentence(body.error) || `The service answered with an error (${answer.status}).`, body);
}

/** A line of the service as a sentence. */
export function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".") : "";
}

export const get = (path, options) => ask("GET", path, options);
export const post = (path, json, options) => ask("POST", path, { json, ...options });
export const patch = (path, json) => ask("PATCH", path, { json });
export const remove = (path) => ask("DELETE", path);
export const send = (path, form, options) => ask("POST", path, { form, ...options });

/** The address of a picture of the gallery, with the reason where one is needed. */
export function picture(address) {
  if (!session.asks_for_reasons || !session.reason) return address;
  return `${address}?reason=${encodeURIComponent(session.reason)}`;
}

const REASON = "passerby-reason";

/** Asks who we are. */
export async function refreshSession() {
  Object.assign(session, await get("/v1/session"));
  session.reason ||= sessionStorage.getItem(REASON) || "";
}

/** Remembers why we are here, until this tab is closed. */
export function giveReason(text) {
  session.reason = text;
  sessionStorage.setItem(REASON, text);
}

export async function signIn(key) {
  Object.assign(session, await post("/v1/session", { key }));
  session.reason ||= sessionStorage.getItem(REASON) || "";
}

export async function signOut() {
  await remove("/v1/session");
  sessionStorage.removeItem(REASON);
  Object.assign(session, { signed_in: false, actor: null, role: null, reason: "" });
}
