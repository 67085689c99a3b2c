// The error browser. A post is hostile: its text reaches the page as text nodes alone, and only in its own element.

const PAGE_SIZE = 25;
const LONGEST = 1000; // characters of a post that are shown before "show all"
const TALLIES = { fixed: 0, broken: 0, wrong: 0, errors: 0, right: 0, unparsed: 0, all: 0 };
const { columns } = posts;
const UNPARSED = -1;
const browser = sections.posts;
const FILTERS = browser.filters; // columns of the posts
const DEFAULTS = {
  show: "fixed", system: browser.system, other: browser.other, low: "", high: "", q: "", sort: "order", page: "1",
  post: "", ...Object.fromEntries(FILTERS.map((name) => [name, ""])),
};
if (browser.system === browser.other) DEFAULTS.show = "all";

const SHOWN = ["label", "group", "source"].filter((name) => name === "label" || FILTERS.includes(name));
const chosen = { ...DEFAULTS };
const revealed = new Set();
const whole = new Set();
let revealAll = false;
let found = [];
let searchable = null;

/** What became of a post between two systems. */
function kindOf(at) {
  const call = posts.systems[chosen.system].calls[at];
  const right = call === columns.label.codes[at];
  const wasRight = posts.systems[chosen.other].calls[at] === columns.label.codes[at];
  if (right) return wasRight ? "right" : "fixed";
  return wasRight ? "broken" : "wrong";
}

const isUnparsed = (at) => posts.systems[chosen.system].calls[at] <= UNPARSED;
/** Every list that a post stands in. */
function kindsOf(at) {
  const kind = kindOf(at);
  return ["all", kind, ...(isUnparsed(at) ? ["unparsed"] : []), ...(kind === "broken" || kind === "wrong" ? ["errors"] : [])];
}

const scoreOf = (at, system = chosen.system) => posts.systems[system].scores[at];

function matcher(given = chosen) {
  const wanted = FILTERS.filter((name) => given[name] !== "")
    .map((name) => [columns[name].codes, columns[name].names.indexOf(given[name])]);
  const words = given.q.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) searchable ??= posts.texts.map((text, at) => `${text}\n${posts.ids[at]}`.toLowerCase());
  const low = given.low === "" ? null : Number(given.low);
  const high = given.high === "" ? null : Number(given.high);
  return (at) => wanted.every(([codes, code]) => codes[at] === code)
    && words.every((word) => searchable[at].includes(word))
    && (low === null || (scoreOf(at) !== null && scoreOf(at) >= low))
    && (high === null || (scoreOf(at) !== null && scoreOf(at) <= high));
}

/** What posts are sorted by, small first; a post without a score comes last. */
const SORTS = {
  order: (at) => at,
  "score-down": (at) => (scoreOf(at) === null ? 2 : -scoreOf(at)),
  "score-up": (at) => scoreOf(at) ?? 2,
  change: (at) => {
    const [now, then] = [scoreOf(at), scoreOf(at, chosen.other)];
    return now === null || then === null ? 2 : -Math.abs(now - then);
  },
  near: (at) => (scoreOf(at) === null ? 2 : Math.abs(scoreOf(at) - browser.thresholds[chosen.system])),
  long: (at) => -posts.texts[at].length,
};

function search() {
  const matches = matcher();
  const tallies = { ...TALLIES };
  found = [];
  for (let at = 0; at < posts.ids.length; at += 1) {
    if (!matches(at)) continue;
    const kinds = kindsOf(at);
    for (const kind of kinds) tallies[kind] += 1;
    if (kinds.includes(chosen.show)) found.push(at);
  }
  const keys = new Map(found.map((at) => [at, SORTS[chosen.sort](at)]));
  found.sort((one, other) => keys.get(one) - keys.get(other) || one - other);
  return tallies;
}

const titleOf = (kind) => document.querySelector(`#posts-kinds [data-show=${kind}]`).firstChild.textContent.trim();
const few = (number) => (number === 1 ? "1 post" : `${counted(number)} posts`);

/** What hides every post, and the changes that would each show some; only where none is found. */
function waysOut(tallies) {
  if (tallies.all) {
    const why = `No post like this is under “${titleOf(chosen.show)}”, which hides ${few(tallies.all)}.`;
    return { why, ways: [[`show ${few(tallies.all)} under “${titleOf("all")}”`, { show: "all" }]] };
  }
  const named = { q: "the search", low: "the lowest score", high: "the highest score" };
  const ways = [...FILTERS, "q", "low", "high"].filter((name) => chosen[name] !== "").flatMap((name) => {
    const matches = matcher({ ...chosen, [name]: "" });
    const number = posts.ids.filter((_, at) => matches(at)).length;
    return number ? [[`take ${named[name] ?? name} away: ${few(number)}`, { [name]: "", show: "all" }]] : [];
  });
  if (!ways.length) ways.push(["take every filter away", { ...DEFAULTS, show: "all" }]);
  return { why: "No post is like this: the filters together hide all.", ways };
}

function tellFound(tallies) {
  const { why, ways } = found.length ? { why: few(found.length), ways: [] } : waysOut(tallies);
  byId("posts-count").textContent = why;
  byId("posts-ways").replaceChildren(...ways.map(([textContent, what]) => {
    const button = make("button", { type: "button", textContent });
    button.addEventListener("click", () => change(what));
    return button;
  }));
}

const numPages = () => Math.max(1, Math.ceil(found.length / PAGE_SIZE));
const pageNow = () => Math.min(Math.max(1, Number(chosen.page) || 1), numPages());

function clipped(text) {
  const splits = text.codePointAt(LONGEST - 1) > 0xffff; // never through the middle of a character
  return text.slice(0, splits ? LONGEST - 1 : LONGEST);
}

function callOf(at, system) {
  const { calls, scores } = posts.systems[system];
  const call = calls[at] === UNPARSED ? "unparsed" : columns.label.names[calls[at]] ?? "error";
  const right = calls[at] === columns.label.codes[at];
  const score = scores[at] === null ? "" : ` ${fixed(scores[at])}`;
  return make("span", { className: `call ${right ? "right" : "wrong"}` },
    make("bdi", { textContent: system }), ` ${right ? "✓" : "✗"} `, make("bdi", { textContent: call }), score);
}

function facts(at) {
  const kind = isUnparsed(at) ? "unparsed" : kindOf(at);
  const valueOf = (name) => make("bdi", { textContent: columns[name].names[columns[name].codes[at]] });
  const named = SHOWN.map((name) => make("span", {}, name === "label" ? "is " : "", valueOf(name)));
  const systems = [...new Set([chosen.other, chosen.system])].map((system) => callOf(at, system));
  return make("div", { className: "facts" },
    make("code", {}, make("bdi", { textContent: posts.ids[at] })),
    make("span", { className: `chip ${kind}`, textContent: kind === "wrong" ? "still wrong" : kind }), ...named, ...systems);
}

function fillText(item, at) {
  const text = posts.texts[at];
  const open = revealAll || revealed.has(at);
  const cut = text.length > LONGEST && !whole.has(at);
  const paragraph = item.querySelector(".text");
  paragraph.textContent = cut ? `${clipped(text)}…` : text;
  paragraph.classList.toggle("blurred", !open);
  paragraph.ariaHidden = String(!open);
  const toggle = item.querySelector(".toggle");
  toggle.textContent = open ? "blur text" : "show text";
  toggle.setAttribute("aria-pressed", String(open));
  const more = item.querySelector(".more");
  more.hidden = !open || text.length <= LONGEST;
  more.textContent = cut ? `show all ${counted(text.length)} characters` : "show less";
}

function flip(set, at) {
  if (!set.delete(at)) set.add(at);
}

function item(at) {
  const button = (className, textContent, act) => {
    const made = make("button", { type: "button", className, textContent });
    made.addEventListener("click", act);
    return made;
  };
  const element = make("li", { className: "post", tabIndex: -1 }, facts(at), make("p", { className: "text", dir: "auto" }));
  element.dataset.at = at;
  const toggle = () => {
    flip(revealed, at);
    fillText(element, at);
  };
  element.querySelector(".text").addEventListener("click", () => {
    if (!revealAll && !revealed.has(at)) toggle();
  });
  element.append(make("div", { className: "actions" },
    button("toggle", "", toggle),
    button("more", "", () => { flip(whole, at); fillText(element, at); }),
    button("copy-id", "copy id", () => copy(posts.ids[at], "id")),
    button("copy-link", "copy link", () => copy(linkTo({ ...chosen, post: posts.ids[at] }), "link"))));
  element.setAttribute("aria-label", `post ${posts.ids[at]}`);
  fillText(element, at);
  return element;
}

function show() {
  const tallies = search();
  for (const button of document.querySelectorAll("#posts-kinds button")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === chosen.show));
    button.querySelector(".tally").textContent = counted(tallies[button.dataset.show]);
  }
  const page = pageNow();
  const first = (page - 1) * PAGE_SIZE;
  const list = byId("posts-list");
  list.replaceChildren(...found.slice(first, first + PAGE_SIZE).map(item));
  list.start = first + 1;
  if (list.firstElementChild) list.firstElementChild.tabIndex = 0;
  tellFound(tallies);
  byId("posts-page").textContent = `page ${counted(page)} of ${counted(numPages())}`;
  byId("posts-previous").disabled = page === 1;
  byId("posts-next").disabled = page === numPages();
}

function linkTo(state) {
  const given = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
  return `${location.href.split("#")[0]}#${given.length ? new URLSearchParams(given) : "posts"}`;
}

/** Take a change over, show it, and keep it in the address. */
function change(what) {
  Object.assign(chosen, { page: "1", post: "" }, what);
  fillControls();
  show();
  history.replaceState(null, "", linkTo(chosen));
}

function turn(by) {
  change({ page: String(pageNow() + by) });
  byId("posts-list").firstElementChild?.focus();
}

/** The element that a setting is made in; a column's name is never part of an id. */
function control(name) {
  const at = FILTERS.indexOf(name);
  return byId(at >= 0 ? `posts-filter-${at}` : `posts-${name === "q" ? "search" : name}`);
}

function fillControls() {
  for (const name of ["system", "other", ...FILTERS, "low", "high", "q", "sort"]) {
    if (control(name).value !== chosen[name]) control(name).value = chosen[name];
  }
}

/** Read the address; true if it names posts and not a part of the page. */
function readAddress() {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return false;
  const given = Object.fromEntries(new URLSearchParams(hash));
  const known = Object.entries(given).filter(([name]) => Object.hasOwn(DEFAULTS, name));
  Object.assign(chosen, DEFAULTS, given.post ? { show: "all" } : {}, Object.fromEntries(known));
  if (!Object.hasOwn(TALLIES, chosen.show)) chosen.show = DEFAULTS.show;
  if (!Object.hasOwn(SORTS, chosen.sort)) chosen.sort = DEFAULTS.sort;
  for (const name of ["low", "high"]) if (!Number.isFinite(Number(chosen[name]))) chosen[name] = "";
  for (const name of ["system", "other"]) if (!Object.hasOwn(posts.systems, chosen[name])) chosen[name] = DEFAULTS[name];
  for (const name of FILTERS) if (chosen[name] !== "" && !columns[name].names.includes(chosen[name])) chosen[name] = "";
  search();
  const at = found.findIndex((place) => posts.ids[place] === chosen.post);
  if (at >= 0) chosen.page = String(Math.floor(at / PAGE_SIZE) + 1);
  return true;
}

function followAddress() {
  const named = readAddress();
  fillControls();
  show();
  if (!named) return;
  const place = posts.ids.indexOf(chosen.post);
  const target = document.querySelector(`#posts-list [data-at="${place}"]`);
  target?.classList.add("linked");
  (target ?? byId("posts")).scrollIntoView();
  target?.focus({ preventScroll: true });
}

function move(by) {
  const items = [...byId("posts-list").children];
  const at = items.indexOf(document.activeElement.closest("#posts-list > li"));
  items[Math.min(Math.max(at + by, 0), items.length - 1)]?.focus();
}

function press(event) {
  const typing = event.target.closest("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const current = event.target.closest("#posts-list > li");
  const onItem = current !== null && current === event.target; // buttons inside have their own Enter and Space
  const at = current ? Number(current.dataset.at) : null;
  const keys = {
    j: () => move(1), ArrowDown: onItem && (() => move(1)),
    k: () => move(-1), ArrowUp: onItem && (() => move(-1)),
    n: () => pageNow() < numPages() && turn(1),
    p: () => pageNow() > 1 && turn(-1),
    "/": () => byId("posts-search").focus(),
    c: current && (() => copy(posts.ids[at], "id")),
    Enter: onItem && (() => current.querySelector(".toggle").click()),
    " ": onItem && (() => current.querySelector(".toggle").click()),
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function fillLists() {
  const option = (value, textContent) => make("option", { value, textContent });
  for (const name of ["system", "other"]) control(name).append(...Object.keys(posts.systems).map((one) => option(one, one)));
  for (const name of FILTERS) {
    control(name).append(option("", "every"), ...columns[name].names.map((one) => option(one, one)));
  }
}

function startPosts() {
  fillLists();
  for (const name of ["system", "other", ...FILTERS, "sort"]) {
    control(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
  }
  let waiting;
  const typed = ["low", "high", "q"];
  for (const name of typed) {
    control(name).addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => change(Object.fromEntries(typed.map((one) => [one, control(one).value]))), 120);
    });
  }
  byId("posts-kinds").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) change({ show: button.dataset.show });
  });
  byId("posts-reveal").addEventListener("click", ({ currentTarget }) => {
    revealAll = !revealAll;
    currentTarget.setAttribute("aria-pressed", String(revealAll));
    currentTarget.textContent = revealAll ? "blur all texts" : "show all texts";
    for (const element of byId("posts-list").children) fillText(element, Number(element.dataset.at));
  });
  byId("posts-copy").addEventListener("click", () => {
    copy(found.map((at) => posts.ids[at]).join("\n"), `${counted(found.length)} ids`);
  });
  byId("posts-link").addEventListener("click", () => copy(linkTo(chosen), "link"));
  byId("posts-reset").addEventListener("click", () => change({ ...DEFAULTS }));
  byId("posts-previous").addEventListener("click", () => turn(-1));
  byId("posts-next").addEventListener("click", () => turn(1));
  byId("posts").addEventListener("keydown", press);
  window.addEventListener("hashchange", followAddress);
  followAddress();
}
