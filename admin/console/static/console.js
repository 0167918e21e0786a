// The live parts of the console. Everything else works without this file.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  root.classList.add("js");

  // --- times: the browser's zone, UTC on hover; what runs out counts down -------------------------------------------
  const lang = root.lang || "en";
  const full = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" });
  const clock = new Intl.DateTimeFormat(lang, { timeStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "long" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const pad = (n) => String(n).padStart(2, "0");

  function ago(seconds) {
    for (const [unit, size] of units) {
      if (Math.abs(seconds) >= size || unit === "second") return relative.format(Math.trunc(seconds / size), unit);
    }
    return "";
  }
  function left(seconds) {
    if (seconds <= 0) return "0:00";
    const h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60, s = Math.floor(seconds) % 60;
    if (h >= 48) return relative.format(Math.round(h / 24), "day");
    return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
  }
  function dress(from = document) {
    for (const t of all("time[datetime]", from)) {
      const at = new Date(t.dateTime);
      if (!t.title) t.title = t.dateTime.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");
      if (t.dataset.show === "full") t.textContent = full.format(at);
      if (t.dataset.show === "clock") t.textContent = clock.format(at);
    }
    tick(from);
  }
  function tick(from = document) {
    const now = Date.now();
    for (const t of all("time[data-show=ago]", from)) put(t, ago((new Date(t.dateTime) - now) / 1000));
    for (const t of all("time[data-show=left]", from)) put(t, left((new Date(t.dateTime) - now) / 1000));
    for (const t of all("time[data-show=since]", from)) put(t, left((now - new Date(t.dateTime)) / 1000));
  }
  function put(node, text) { if (node.textContent !== text) node.textContent = text; }
  setInterval(tick, 1000);

  // --- live fragments: the event stream says what changed, the page asks for it anew -----------------------------------
  const seen = new WeakMap(); // element → the answer it shows
  const due = new Map();      // element → timer
  function refresh(el) {
    if (due.has(el)) return;
    due.set(el, setTimeout(() => { due.delete(el); if (el.isConnected) htmx.trigger(el, "live"); }, 80));
  }
  function hear(topic, id) {
    for (const el of all("[data-live]")) {
      const words = el.dataset.live.split(" ");
      if (topic === "reset" || words.includes(topic) || words.includes(`${topic}:${id}`)) refresh(el);
    }
  }
  let stream, beat = 0;
  function connect() {
    if (stream || document.hidden || !document.querySelector("[data-stream-url]")) return;
    stream = new EventSource(document.querySelector("[data-stream-url]").dataset.streamUrl);
    const topics = ["account", "clip", "org", "timeline", "parcel", "licence", "registrations", "calls", "nodes"];
    for (const topic of topics) {
      stream.addEventListener(topic, (e) => {
        let id = "";
        try { id = JSON.parse(e.data).id || ""; } catch { /* a hint without an id */ }
        hear(topic, id);
      });
    }
    stream.addEventListener("reset", () => hear("reset", ""));
    stream.onopen = () => { root.dataset.stream = "on"; };
    stream.onerror = () => { root.dataset.stream = "off"; };
  }
  function pause() { if (stream) { stream.close(); stream = undefined; } }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return pause(); // a browser has few connections per server, and tabs are many
    connect();
    hear("reset", "");
  });
  addEventListener("pagehide", pause);
  setInterval(() => { // what no event tells of is asked for every few seconds
    if (document.hidden) return;
    beat++;
    for (const el of all("[data-every]")) if (beat % Number(el.dataset.every) === 0) refresh(el);
  }, 1000);

  document.addEventListener("htmx:beforeSwap", (e) => {
    const el = e.detail.target;
    if (!el || !el.dataset || el.dataset.live === undefined) return;
    if (seen.get(el) === e.detail.serverResponse || (el.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"))) e.detail.shouldSwap = false;
    seen.set(el, e.detail.serverResponse);
  });
  document.addEventListener("htmx:afterSwap", (e) => {
    dress(e.detail.target);
    if (e.detail.target.id === "dialog") {
      const d = e.detail.target;
      if (!d.open) d.showModal();
      const first = d.querySelector("[autofocus], [aria-invalid=true]");
      if (first) first.focus();
    }
  });

  // --- small helps -----------------------------------------------------------------------------------------------------
  document.addEventListener("click", (e) => {
    const t = e.target.closest("[data-close], [data-copy], [data-print]");
    const d = document.getElementById("dialog");
    if (e.target === d) return d.close();
    for (const m of all("details.menu[open]")) if (!m.contains(e.target)) m.open = false;
    if (!t) return;
    if (t.dataset.close !== undefined && t.closest("dialog")) { e.preventDefault(); t.closest("dialog").close(); }
    if (t.dataset.print !== undefined) print();
    if (t.dataset.copy !== undefined) copy(t);
  });
  async function copy(button) {
    const text = document.getElementById(button.dataset.copy).textContent;
    try { await navigator.clipboard.writeText(text); } catch {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(button.dataset.copy));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    const label = button.querySelector("span") || button, before = label.textContent;
    label.textContent = button.dataset.done;
    setTimeout(() => { label.textContent = before; }, 1600);
  }
  document.addEventListener("change", (e) => {
    const box = e.target;
    if (box.matches("[data-all]")) for (const c of all(".check input", box.form)) c.checked = box.checked;
    if (box.form && box.closest(".check")) {
      const n = all("tbody .check input:checked", box.form).length;
      for (const s of all("[data-chosen]", box.form)) s.textContent = String(n);
    }
    if (box.matches("[data-submit]")) box.form.requestSubmit();
  });
  document.addEventListener("change", (e) => { // listen before it is sent
    if (!e.target.matches("[data-preview]") || !e.target.files.length) return;
    const player = document.getElementById(e.target.dataset.preview);
    player.src = URL.createObjectURL(e.target.files[0]);
    player.hidden = false;
  });
  document.addEventListener("submit", (e) => { // a second click sends nothing twice
    if (e.target.dataset.sent) return e.preventDefault();
    if (e.target.method === "post" && !e.target.closest("#dialog")) e.target.dataset.sent = "1";
  });
  addEventListener("pageshow", () => { for (const f of all("form[data-sent]")) delete f.dataset.sent; });

  // --- keyboard ----------------------------------------------------------------------------------------------------------
  let leader = 0;
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const typing = e.target.matches("input, select, textarea");
    if (e.key === "Escape") { for (const m of all("details.menu[open]")) m.open = false; const menu = document.getElementById("menu"); if (menu) menu.checked = false; return; }
    if (typing || document.querySelector("dialog[open]")) return;
    if (e.key === "/") { const s = document.querySelector("[type=search]"); if (s) { e.preventDefault(); s.focus(); s.select(); } return; }
    if (e.key === "g") { leader = Date.now(); return; }
    if (Date.now() - leader < 1500) {
      leader = 0;
      const link = document.querySelector(`.nav a[data-key="${CSS.escape(e.key)}"]`);
      if (link) { e.preventDefault(); link.click(); }
    }
  });

  dress();
  connect();
  const url = new URL(location.href); // a notice is told once
  if (url.searchParams.has("did")) { url.searchParams.delete("did"); history.replaceState(null, "", url); }
})();
