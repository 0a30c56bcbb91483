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

/** What is sent along with every request; a reason of its own stands before that of the session. */
export function headers(reason = "") {
  const all = { "X-Passerby": "1" };
  const why = reason || session.reason;
  if (why) all["X-Reason"] = encodeURIComponent(why);
  return all;
}

async function ask(method, path, { json, form, signal, reason } = {}) {
  const asked = { method, headers: headers(reason), credentials: "same-origin", signal };
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
export const remove = (path, options) => ask("DELETE", path, options);
export const send = (path, form, options) => ask("POST", path, { form, ...options });

/** Sends a file as it is and tells how much of it has arrived, as a share; gives the answer. */
export function upload(path, file, told, signal) {
  return new Promise((answer, refuse) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => told(event.lengthComputable && event.total ? event.loaded / event.total : 0);
    request.onload = () => {
      const body = request.response ?? {};
      if (request.status < 300) answer(body);
      else refuse(new Refused(request.status, sentence(body.error) || `The service answered with an error (${request.status}).`, body));
    };
    request.onerror = () => refuse(new Refused(0, "The upload broke off. Send the video again."));
    request.onabort = () => refuse(new DOMException("Stopped", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

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
