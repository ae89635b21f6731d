// The review panel. A key is judged here, on the picture that is on screen, at once; the server
// gets it afterwards, as a list of events that it applies once each, by their ids. An event
// stays in `outbox` and in the browser's storage until the server says that it has it, so neither
// a slow server, nor a page closed too early, nor a key pressed while the script runs loses one.

const RETRY = 2500; // ms until an unanswered list is sent again
const SMALL = 64; // px; smaller pictures are enlarged with their pixels kept square, as elsewhere
const KEPT = 400; // pictures kept; older ones are asked for again
const STORE = "hmw-review:";
const NAME = "hmw-reviewer";
const SMOOTH = "hmw-smooth";
const LONG = 24; // letters of a name; a longer one may be cut, and its number tells it apart
const TIGHT = 350; // px for the panel, under which the strip of pictures makes room

const pictures = new Map(); // "data set/sample" -> data URI, null where there is none
const thumbs = new Map(); // what it shows -> its element
const notes = new Map(); // sample -> note not yet sent
let outbox = []; // events without an answer, in order
let past = []; // {item, text, id}: what this reviewer judged, for undo
let items = []; // what comes, the first is on screen
let returned = new Set(); // samples to judge again: their verdict was taken back
let looked = []; // read-only: pictures passed by without a verdict
let data = null; // what the server sent last
let component = null; // sends to the server
let root = null; // our element on the page
let calls = 0;
let retryTimer = null; // the timer of the list that waits for an answer
let refused = "";
let chosen = 0; // the line marked in the list of classes
let named = kept(NAME); // who judges; without a name no picture is shown and no key judges
let smooth = kept(SMOOTH) === "yes";

export default function (given) {
  const isNew = given.parentElement !== root;
  component = given;
  root = given.parentElement;
  if (isNew) build();
  if (given.data && (!data || data.page !== given.data.page || data.version < given.data.version)) {
    receive(given.data);
  }
  draw();
  if (isNew) send(true);
  const call = ++calls;
  return () => {
    if (call === calls) root = null; // the page also ends calls that a later one has replaced
  };
}

// -- what the server says

function receive(next) {
  const otherRun = !data || data.store !== next.store;
  const other = otherRun || data.queue !== next.queue;
  const otherName = otherRun || data.reviewer !== next.reviewer;
  if (otherRun) {
    outbox = stored(next.store);
    past = [];
  }
  if (data && data.setup !== next.setup) takeKeys();
  data = next;
  const answered = new Set(next.answered);
  const had = outbox.length;
  outbox = outbox.filter((event) => !answered.has(event.event));
  next.answered.forEach(forget);
  if (next.refused.length) {
    refused = next.refused.join(" ");
    const bad = new Set(next.refused_ids);
    past = past.filter((entry) => !bad.has(entry.id));
  }
  for (const item of [...next.items, ...next.recent.map((entry) => entry.item)]) {
    const key = place(item);
    if (item.picture !== undefined) pictures.set(key, item.picture);
    else if (pictures.has(key)) pictures.set(key, keep(key));
  }
  while (pictures.size > KEPT) pictures.delete(pictures.keys().next().value);
  if (other || otherName) {
    // What is still under way is not in the server's list yet.
    const open = new Set(outbox.map((event) => event.event));
    const known = new Set(next.recent.map((entry) => entry.id));
    past = [...next.recent, ...past.filter((e) => open.has(e.id) && !known.has(e.id))];
  }
  if (other) {
    items = [];
    looked = [];
    returned = new Set();
    refused = "";
    closeAll();
  }
  const mine = new Set(past.map((entry) => entry.item.sample_id));
  const waiting = new Set(outbox.filter((e) => e.kind === "verdict").map((e) => e.sample_id));
  const passed = new Set(looked.map((item) => item.sample_id));
  // The picture under the reviewer's eyes is never exchanged, whatever comes.
  const first = items.filter((item, at) => at === 0 || returned.has(item.sample_id));
  const kept = new Set(first.map((item) => item.sample_id));
  items = [
    ...first.map((item) => next.items.find((i) => i.sample_id === item.sample_id) || item),
    ...next.items.filter((item) => {
      const id = item.sample_id;
      return !kept.has(id) && !passed.has(id) && !mine.has(id) && !waiting.has(id);
    }),
  ];
  if (had !== outbox.length || !outbox.length) clearRetry();
  if (outbox.length) send();
  else if (items.some((item) => !pictures.has(place(item)))) send(true);
}

function clearRetry() {
  clearTimeout(retryTimer);
  retryTimer = null;
}

// Send everything that has no answer; while a list is under way, the next waits for its answer.
function send(anyway) {
  if (!root || !data || (retryTimer && !anyway) || (!outbox.length && !anyway)) return;
  clearRetry();
  retryTimer = setTimeout(() => {
    retryTimer = null;
    send();
    draw();
  }, RETRY);
  component.setTriggerValue("events", {
    run: data.run,
    events: data.read_only ? [] : outbox,
    have: [...items, ...past.map((entry) => entry.item)]
      .filter((item) => pictures.has(place(item)))
      .map((item) => item.sample_id),
    looked: looked.map((item) => item.sample_id),
    reviewer: reviewer(),
  });
}

// -- what the reviewer does

function judge(verdict, label) {
  const item = items[0];
  if (!item || data.read_only || !named) return;
  // The given label chosen again is what keep means.
  if (verdict === "relabel" && label === item.given_label) verdict = "keep";
  const event = {
    event: token(),
    kind: "verdict",
    run: data.run,
    sample_id: item.sample_id,
    verdict,
    new_label: verdict === "relabel" ? label : null,
    reviewer: reviewer(),
    criterion: data.criterion,
    rank: item.rank,
    stream: item.stream,
    note: notes.get(item.sample_id) || "",
    time: new Date().toISOString(),
  };
  notes.delete(item.sample_id);
  items.shift();
  returned.delete(item.sample_id);
  past.push({ item, text: verdictText(verdict, event.new_label), id: event.event });
  post(event);
}

function undo() {
  if (data.read_only) return;
  const last = past.pop();
  if (!last) {
    say("There is no verdict of yours to take back here.");
    return;
  }
  items.unshift(last.item);
  returned.add(last.item.sample_id);
  post({ event: token(), kind: "undo", run: data.run, verdict_id: last.id, reviewer: reviewer() });
}

function look(step) {
  const from = step > 0 ? items : looked;
  const to = step > 0 ? looked : items;
  if (!from.length) return;
  if (step > 0) to.push(from.shift());
  else to.unshift(from.pop());
  if (step > 0 && items.length < 8) send(true);
  draw();
}

function post(event) {
  refused = "";
  outbox.push(event);
  try {
    localStorage.setItem(`${STORE}${data.store}:${event.event}`, JSON.stringify(event));
  } catch {
    // A browser without storage: the list in memory is sent all the same.
  }
  closeAll();
  send();
  draw();
}

function stored(store) {
  const found = [];
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (key.startsWith(`${STORE}${store}:`)) found.push(JSON.parse(localStorage.getItem(key)));
    }
  } catch {
    return found;
  }
  // An id begins with the time and a count.
  return found.sort((a, b) => (a.event < b.event ? -1 : 1));
}

function forget(event) {
  try {
    localStorage.removeItem(`${STORE}${data.store}:${event}`);
  } catch {
    // As above.
  }
}

let count = 0;

// 32 hexadecimal digits: time, count, chance; in the order in which they were made.
function token() {
  const time = Date.now().toString(16).padStart(12, "0");
  const chance = crypto.getRandomValues(new Uint8Array(6));
  const tail = [...chance].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return time + (count++ % 0x100000000).toString(16).padStart(8, "0") + tail;
}

function reviewer() {
  return named;
}

function kept(what) {
  try {
    return localStorage.getItem(what) || "";
  } catch {
    return ""; // Then it is kept until the page is closed.
  }
}

function keepText(what, text) {
  try {
    localStorage.setItem(what, text);
  } catch {
    // As above.
  }
}

function start() {
  const text = root.querySelector(".reviewer").value.trim();
  if (!text) return;
  named = text;
  keepText(NAME, named);
  root.querySelector(".reviewer").blur();
  refused = "";
  send(true);
  draw();
}

function rename() {
  const field = root.querySelector(".reviewer");
  field.value = named;
  named = "";
  draw();
  field.focus();
}

function keyOf(event) {
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

function editable(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName)) &&
    !["checkbox", "radio", "range", "button"].includes(target.type)
  );
}

window.addEventListener(
  "keydown",
  (event) => {
    if (!root || !root.host?.isConnected || !data) return;
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (editable(target)) {
      if (event.key === "Escape" && !root.contains(target)) target.blur();
      return;
    }
    if (document.querySelector("[role=dialog]")) return;
    const act = actions()[keyOf(event)];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // the page's own keys are not meant
    if (!event.repeat) act(); // a key held down is one verdict
  },
  true,
);
window.addEventListener("focusin", () => setTimeout(draw, 0));
window.addEventListener("focusout", () => setTimeout(draw, 0));
window.addEventListener("beforeunload", (event) => {
  if (outbox.length) event.preventDefault();
});

function actions() {
  if (data.read_only) return { ArrowRight: () => look(1), ArrowLeft: () => look(-1) };
  if (!named) return {};
  const item = items[0];
  const all = { z: undo, Backspace: undo };
  if (!item) return all;
  Object.assign(all, {
    k: () => judge("keep"),
    u: () => judge("unsure"),
    n: () => judge("skip"),
    l: () => choose(""),
    "/": () => choose(""),
    m: note,
  });
  ["s", "d", "f"].forEach((key, place) => {
    const other = item.suggestions[place];
    all[key] = other
      ? () => judge("relabel", other.label)
      : () => say(`There is no suggestion ${place + 1} for this picture.`);
  });
  for (let digit = 0; digit < 10; digit++) {
    if (data.classes.length > 10) all[digit] = () => choose(String(digit));
    else if (digit < data.classes.length) all[digit] = () => judge("relabel", digit);
  }
  return all;
}

// -- the list of classes, and the note

function choose(text) {
  const search = root.querySelector(".search");
  root.querySelector(".chooser").hidden = false;
  search.value = text;
  chosen = 0;
  listClasses();
  search.focus();
}

function matches(text) {
  const wanted = text.trim().toLowerCase();
  const names = data.classes.map((name, label) => ({ name, label }));
  const rank = ({ name, label }) => {
    const lower = name.toLowerCase();
    if (String(label) === wanted || lower === wanted) return 0;
    if (lower.startsWith(wanted)) return 1;
    if (String(label).startsWith(wanted)) return 2;
    return lower.includes(wanted) ? 3 : 9;
  };
  return names
    .filter((entry) => rank(entry) < 9)
    .sort((a, b) => rank(a) - rank(b) || a.label - b.label);
}

function listClasses() {
  const list = root.querySelector(".found");
  const lines = matches(root.querySelector(".search").value).map(({ name, label }, at) => {
    const line = make("div", `${label}: ${name}`);
    line.classList.toggle("on", at === chosen);
    line.onmousedown = (event) => {
      event.preventDefault();
      judge("relabel", label);
    };
    return line;
  });
  list.replaceChildren(...(lines.length ? lines : [make("div", "no class of this name or number")]));
  list.querySelector(".on")?.scrollIntoView({ block: "nearest" });
}

function searchKey(event) {
  const found = matches(event.target.value);
  if (event.key === "Enter" && found[chosen]) judge("relabel", found[chosen].label);
  else if (event.key === "Escape") closeAll();
  else if (event.key === "ArrowDown") chosen = Math.min(chosen + 1, found.length - 1);
  else if (event.key === "ArrowUp") chosen = Math.max(chosen - 1, 0);
  else return;
  event.preventDefault();
  listClasses();
}

function note() {
  const field = root.querySelector(".note");
  field.hidden = false;
  field.value = notes.get(items[0].sample_id) || "";
  field.focus();
}

function closeAll() {
  root.querySelector(".chooser").hidden = true;
  root.querySelector(".note").hidden = true;
  for (const field of root.querySelectorAll(".search, .note")) field.blur();
}

// After a choice elsewhere on the page, keys go to the panel again.
function takeKeys() {
  const active = document.activeElement;
  if (active && active !== root.host && editable(active)) active.blur();
}

// -- what is on screen

function build() {
  const search = root.querySelector(".search");
  search.oninput = () => {
    chosen = 0;
    listClasses();
  };
  search.onkeydown = searchKey;
  search.onblur = () => (root.querySelector(".chooser").hidden = true);
  const field = root.querySelector(".note");
  field.oninput = () => {
    if (items[0]) notes.set(items[0].sample_id, field.value);
  };
  field.onkeydown = (event) => {
    if (["Enter", "Escape"].includes(event.key)) closeAll();
  };
  field.onblur = () => {
    field.hidden = true;
    draw();
  };
  root.querySelector(".reviewer").onkeydown = (event) => {
    if (event.key === "Enter") start();
  };
  root.querySelector(".start").onclick = start;
  root.querySelector(".rename").onclick = rename;
  const soften = root.querySelector(".soften input");
  soften.checked = smooth;
  soften.onchange = () => {
    smooth = soften.checked;
    keepText(SMOOTH, smooth ? "yes" : "no");
    soften.blur();
    draw();
  };
}

function draw() {
  if (!root || !data) return;
  const item = items[0];
  const over = root.querySelector(".over");
  over.hidden = Boolean(item);
  if (!item) over.textContent = data.more ? "The next pictures are on their way ..." : data.end;
  root.querySelector(".table").style.visibility = item || !over.hidden ? "" : "hidden";
  if (item) drawItem(item);
  drawStrip();
  const share = data.total ? data.judged / data.total : 0;
  root.querySelector(".bar").style.width = `${Math.round(100 * share)}%`;
  root.querySelector(".count").textContent = data.count;
  const saved = root.querySelector(".saved");
  const n = outbox.length;
  saved.textContent = refused || (n ? `${n} not yet saved ...` : data.saved);
  saved.className = `saved ${refused ? "refused" : n ? "waiting" : ""}`;
  const asks = !named && !data.read_only;
  root.querySelector(".ask").hidden = !asks;
  root.querySelector(".who").hidden = data.read_only || asks;
  root.querySelector(".named").textContent = named;
  const panel = root.querySelector(".review-panel");
  panel.classList.toggle("smooth", smooth);
  panel.classList.toggle("asking", asks);
  const above = root.host.getBoundingClientRect().top;
  const scrolled = root.host.closest("[data-testid=stMain]")?.scrollTop ?? 0;
  panel.style.setProperty("--above", `${Math.round(above + scrolled)}px`);
  panel.classList.toggle("tight", window.innerHeight - above - scrolled < TIGHT);
  drawKeysElsewhere();
}

function drawKeysElsewhere() {
  const active = document.activeElement;
  const away = active && active !== root.host && editable(active);
  const line = root.querySelector(".keys-elsewhere");
  line.hidden = !away;
  line.textContent = "Keys go to a field outside the panel: press Esc, or click here, to judge.";
  line.onclick = () => document.activeElement.blur();
}

function drawItem(item) {
  const show = (selector, text) => (root.querySelector(selector).textContent = text);
  root.querySelector(".table").dataset.sample = item.sample_id;
  const frame = root.querySelector(".left .picture");
  if (frame.dataset.shown !== `${place(item)} ${pictures.has(place(item))}`) {
    frame.dataset.shown = `${place(item)} ${pictures.has(place(item))}`;
    frame.replaceChildren(picture(item));
  }
  const noted = notes.get(item.sample_id);
  show(".where", [item.where, noted ? `note: ${noted}` : ""].filter(Boolean).join(" · "));
  show(".given", name(item.given_label));
  show(".predicted-row .word", data.predicted_when);
  show(".predicted", item.predicted_label === null ? "unknown" : name(item.predicted_label));
  root.querySelector(".true-row").hidden = !data.reveal;
  show(".true", item.true_label == null ? "unknown" : name(item.true_label));
  const off = data.read_only;
  root.querySelector(".buttons.first").replaceChildren(
    button("k", "keep", () => judge("keep"), off, "main"),
  );
  const suggested = item.suggestions.map((other, at) => {
    const found = button("sdf"[at], told(other.label), () => judge("relabel", other.label), off);
    const share = `${Math.round(100 * other.share)} %`;
    found.append(make("span", other.by_method ? `${share} · method` : share, "share"));
    const level = make("span", "", "level");
    level.style.width = `${100 * other.share}%`;
    found.append(level);
    const by = other.by_method ? ", which the training method would train on" : "";
    found.title = `Relabel to ${name(other.label)}${by}`;
    return found;
  });
  const head = suggested.length ? data.suggested_how : item.no_suggestion;
  root.querySelector(".suggestions").replaceChildren(make("div", head, "quiet"), ...suggested);
  const few = data.classes.length <= 10;
  root.querySelector(".classes").hidden = !few || off;
  if (few) {
    root.querySelector(".classes").replaceChildren(
      ...data.classes.map((text, label) => {
        const found = button(String(label), text, () => judge("relabel", label), off);
        found.classList.toggle("is-given", label === item.given_label);
        found.title = label === item.given_label ? `Keep ${text}` : `Relabel to ${text}`;
        return found;
      }),
    );
  }
  const rest = off
    ? [button("←", "back", () => look(-1)), button("→", "next", () => look(1))]
    : [
        button("l", few ? "find class" : "class by name or number", () => choose("")),
        button("u", "unsure", () => judge("unsure")),
        button("n", "skip", () => judge("skip")),
        button("m", "note", note),
        button("z", "undo", undo, !past.length),
      ];
  root.querySelector(".buttons.second").replaceChildren(...rest);
}

function drawStrip() {
  root.querySelector(".past").replaceChildren(
    ...past.slice(-5).reverse().map((entry) => thumb(entry.item, entry.text)),
  );
  root.querySelector(".past").hidden = !past.length;
  root.querySelector(".next").replaceChildren(
    ...items.slice(1, 13).map((item) => thumb(item, name(item.given_label))),
  );
}

// A thumbnail drawn before is moved, not drawn again: it would flicker.
function thumb(item, text) {
  const key = `${place(item)} ${pictures.has(place(item))} ${text}`;
  if (!thumbs.has(key)) thumbs.set(key, newThumb(item, text));
  while (thumbs.size > 80) thumbs.delete(thumbs.keys().next().value);
  return thumbs.get(key);
}

function newThumb(item, text) {
  const found = make("div", "", "thumb");
  const frame = make("div", "", "frame");
  frame.append(picture(item));
  found.append(frame, make("div", text, "text"));
  found.title = `sample ${item.sample_id}: ${text}`;
  return found;
}

function picture(item) {
  const key = place(item);
  if (!pictures.has(key)) return make("span", "loading ...", "quiet");
  const source = pictures.get(key);
  if (source === null) return make("span", "no picture", "quiet");
  const image = new Image();
  image.alt = `sample ${item.sample_id}`;
  image.onload = () =>
    image.classList.toggle("small", Math.max(image.naturalWidth, image.naturalHeight) < SMALL);
  image.onerror = () => image.replaceWith(make("span", "this picture does not decode", "quiet"));
  image.src = source;
  return image;
}

function button(key, text, act, off, kind) {
  const found = make("button", "", kind || "");
  found.type = "button";
  found.disabled = Boolean(off);
  const words = make("span", "", "name");
  const end = text.length > 14 ? 8 : 0; // letters that are never cut off
  words.append(make("span", text.slice(0, text.length - end), "head"));
  if (end) words.append(make("span", text.slice(-end), "tail"));
  found.append(make("kbd", key.toUpperCase()), words);
  found.onmousedown = (event) => event.preventDefault(); // the focus stays where it is
  found.onclick = act;
  return found;
}

function make(kind, text, style) {
  const found = document.createElement(kind);
  found.textContent = text; // never as HTML: names are anybody's
  if (style) found.className = style;
  return found;
}

function verdictText(verdict, label) {
  return verdict === "relabel" ? `→ ${name(label)}` : verdict;
}

function say(text) {
  refused = text;
  draw();
}

// A class's name on a key: two long ones may look the same once they are cut.
function told(label) {
  return name(label).length > LONG ? `${label}: ${name(label)}` : name(label);
}

function name(label) {
  return data.classes[label] ?? String(label);
}

function place(item) {
  return `${data.dataset}/${item.sample_id}`;
}

// Move a picture to the end of the map, whose first entries are dropped first.
function keep(key) {
  const found = pictures.get(key);
  pictures.delete(key);
  return found;
}
