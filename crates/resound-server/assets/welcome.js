// The welcome page: one connection by the unmodified pusher-js, and words for what happens on it.

const LOG_ROWS_MAX = 200;
// pusher-js says "unavailable" after this long; its own ten seconds are long for a first look.
const UNAVAILABLE_TIMEOUT_MS = 4000;

const config = JSON.parse(document.getElementById("config").textContent);
const element = (id) => document.getElementById(id);
const isTls = location.protocol === "https:";
const port = Number(location.port) || (isTls ? 443 : 80);
const origin = `${isTls ? "wss" : "ws"}://${location.host}${config.path}`;

const STATES = {
  connecting: ["Connecting", () => `Opening a WebSocket to ${origin}.`],
  connected: ["Connected", () => `Events arrive as they are sent. Socket id ${pusher.connection.socket_id}.`],
  unavailable: [
    "Not reachable",
    () => `${origin} does not answer. Is the server running, and does a proxy in between pass WebSockets on? This page keeps trying.`,
  ],
  failed: ["Not possible", () => "This browser has no WebSockets."],
  disconnected: ["Disconnected", () => lastError ?? "The connection is closed. Reload the page to open it again."],
};

// What a person can do about an error of the protocol.
const ADVICE = {
  4001: "The server has no app with this key.",
  4003: "The app is disabled in the server's configuration.",
  4004: "The app has as many connections as its max_connections allows.",
  4009: `The app's allowed_origins do not have ${location.origin}, or the app closed this connection.`,
  4100: "The server has as many connections as it can hold. The page tries again.",
  4200: "The server is restarting, or did not understand a message. The page tries again.",
  4301: "Too many messages in too short a time.",
};

let pusher = null;
let lastError = null;
/** The server's answer to each subscription, by channel. */
const answers = new Map();
/** When this page sent an event, by channel and name, to tell how long it took. */
const sentAt = new Map();

function log(kind, word, text, data) {
  const row = document.createElement("li");
  row.dataset.kind = kind;
  const time = document.createElement("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString();
  const label = document.createElement("span");
  label.className = "kind";
  label.textContent = word;
  row.append(time, label, " ", text);
  if (data !== undefined) {
    const block = document.createElement("pre");
    block.textContent = typeof data === "string" ? data : JSON.stringify(data, null, 2);
    row.append(block);
  }
  const rows = element("log");
  rows.prepend(row);
  while (rows.children.length > LOG_ROWS_MAX) rows.lastElementChild.remove();
}

function showState(state) {
  const [name, text] = STATES[state] ?? STATES.connecting;
  element("state").dataset.state = state;
  element("state-name").textContent = name;
  element("state-text").textContent = text();
}

function connect(key) {
  pusher?.disconnect();
  answers.clear();
  lastError = null;
  pusher = new window.Pusher(key, {
    cluster: "",
    wsHost: location.hostname,
    wsPort: port,
    wssPort: port,
    wsPath: config.path,
    forceTLS: isTls,
    enabledTransports: ["ws", "wss"],
    unavailableTimeout: UNAVAILABLE_TIMEOUT_MS,
  });
  pusher.connection.bind("state_change", ({ previous, current }) => {
    showState(current);
    if (current === "connected") lastError = null;
    if (current === "connected" || previous === "connected") log("note", STATES[current]?.[0] ?? current, "");
    showChannels();
  });
  pusher.connection.bind("error", (error) => {
    const { code, message } = error?.error?.data ?? error?.data ?? {};
    if (!code) return;
    const advice = ADVICE[code] ?? message ?? "The connection was lost.";
    const text = `${advice} (${message ? `${code}: ${message}` : code})`;
    // The server says why in a message, and once more as it closes.
    if (text !== lastError) log("error", "Error", text);
    lastError = text;
  });
  showState(pusher.connection.state);
}

/** Subscribes, and resolves when the server has answered. */
function subscribe(name) {
  if (/^(private|presence)-/.test(name)) {
    const reason = "Private and presence channels ask your application whether a user may join, so this page cannot.";
    log("error", "Not subscribed", `${name}: ${reason}`);
    return Promise.resolve(false);
  }
  if (pusher.channel(name)) return answers.get(name);
  const channel = pusher.subscribe(name);
  channel.bind_global((event, data) => show(channel, event, data));
  showChannels();
  const answer = new Promise((resolve) => {
    channel.bind("pusher:subscription_succeeded", () => resolve(true));
    channel.bind("pusher:subscription_error", () => resolve(false));
  });
  answers.set(name, answer);
  return answer;
}

function show(channel, event, data) {
  if (event === "pusher:subscription_succeeded") {
    log("note", "Subscribed", `to ${channel.name}`);
    showChannels();
  } else if (event === "pusher:subscription_error") {
    log("error", "Not subscribed", `${channel.name}: ${data?.error ?? "refused"}`);
    pusher.unsubscribe(channel.name);
    showChannels();
  } else {
    const at = sentAt.get(`${channel.name} ${event}`)?.shift();
    const took = at === undefined ? "" : ` after ${Math.max(1, Math.round(performance.now() - at))} ms`;
    log("received", "Received", `${event} on ${channel.name}${took}`, data);
  }
}

function showChannels() {
  const rows = (pusher?.allChannels() ?? []).map((channel) => {
    const row = document.createElement("li");
    row.dataset.subscribed = String(channel.subscribed);
    const leave = document.createElement("button");
    leave.type = "button";
    leave.textContent = "×";
    leave.setAttribute("aria-label", `Unsubscribe from ${channel.name}`);
    leave.addEventListener("click", () => {
      pusher.unsubscribe(channel.name);
      log("note", "Unsubscribed", `from ${channel.name}`);
      showChannels();
    });
    row.append(channel.name, leave);
    return row;
  });
  element("channels").replaceChildren(...rows);
}

/** Publishes over HTTP, subscribing first if that is still to be done. */
async function send() {
  const channel = element("channel").value.trim();
  const name = element("event").value.trim();
  const data = element("data").value;
  if (pusher.connection.state !== "connected") {
    log("error", "Not sent", "There is no connection to see it arrive on.");
    return;
  }
  if (!(await subscribe(channel))) return;
  const key = `${channel} ${name}`;
  sentAt.set(key, [...(sentAt.get(key) ?? []), performance.now()].slice(-LOG_ROWS_MAX));
  log("sent", "Sent", `${name} to ${channel}`);
  const refused = await publish({ name, channel, data });
  if (refused === null) return;
  sentAt.get(key).pop();
  log("error", "Refused", refused);
}

/** Posts an event; the answer is null or the reason why the server refused it. */
async function publish(event) {
  try {
    const response = await fetch(`${config.path}/welcome/events`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Requested-With": "resound-welcome" },
      body: JSON.stringify(event),
    });
    if (response.ok) return null;
    const body = await response.json().catch(() => ({}));
    return body.error ?? `The server answered with status ${response.status}.`;
  } catch {
    return "The server did not answer.";
  }
}

/** A text as PHP writes it in single quotes. */
const php = (text) => `'${text.replace(/[\\']/g, "\\$&")}'`;

function showSnippets() {
  const [channel, event, data] = ["channel", "event", "data"].map((id) => element(id).value);
  element("tinker").textContent =
    `Broadcast::on(${php(channel)})->as(${php(event)})\n` +
    `  ->with(json_decode(${php(data)}, true))->sendNow();`;
  const key = config.key ?? "your-app-key";
  element("echo").textContent = `import Echo from 'laravel-echo';
import Pusher from 'pusher-js';
window.Pusher = Pusher;

window.Echo = new Echo({
  broadcaster: 'reverb',
  key: '${key}',
  wsHost: '${location.hostname}',
  wsPort: ${port},
  wssPort: ${port},
${config.path ? `  wsPath: '${config.path}',\n` : ""}  forceTLS: ${isTls},
  enabledTransports: ['ws', 'wss'],
});

Echo.channel('${channel}')
  .listen('.${event}', (data) => console.log(data));`;
  element("env-part").hidden = !config.development;
  element("env").textContent = `BROADCAST_CONNECTION=reverb
REVERB_APP_ID=${config.development?.id}
REVERB_APP_KEY=${key}
REVERB_APP_SECRET=${config.development?.secret}
REVERB_HOST=${location.hostname}
REVERB_PORT=${port}
REVERB_SCHEME=${isTls ? "https" : "http"}`;
}

async function copy(button) {
  const text = element(button.dataset.copy).textContent;
  // Browsers have a clipboard on https and localhost only: elsewhere the text is marked to be copied.
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else getSelection().selectAllChildren(element(button.dataset.copy));
  button.textContent = navigator.clipboard ? "Copied" : "Press Ctrl+C";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

function on(form, action) {
  element(form).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

on("key-form", () => connect(element("key").value.trim()));
on("subscribe-form", () => pusher && subscribe(element("channel").value.trim()));
on("send-form", () => config.development && send());
element("clear").addEventListener("click", () => element("log").replaceChildren());
document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", () => copy(button)));
["channel", "event", "data"].forEach((id) => element(id).addEventListener("input", showSnippets));

element("key-form").hidden = config.key !== null;
element("send-here").hidden = !config.development;
element("send-elsewhere").hidden = Boolean(config.development);
showSnippets();
if (config.key !== null) {
  connect(config.key);
} else {
  lastError = "Enter an app key to connect.";
  showState("disconnected");
}
