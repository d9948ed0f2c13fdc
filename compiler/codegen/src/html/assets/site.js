// The theme and the search. It loads nothing, sends nothing, and takes no text for markup.
"use strict";
(() => {
  const root = document.documentElement;

  // The theme: the system's, or the reader's choice, kept where the browser allows it.
  const themes = ["system", "light", "dark"];
  const stored = () => {
    try { return localStorage.getItem("idl-theme"); } catch { return null; }
  };
  const store = (theme) => {
    try { localStorage.setItem("idl-theme", theme); } catch { /* then it holds for this page only */ }
  };
  let theme = themes.includes(stored()) ? stored() : "system";
  const show = () => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
  };
  show();

  const kinds = { service: 9, scope: 9, struct: 8, union: 8, exception: 8, enum: 8, typedef: 8, const: 6, file: 6,
                  function: 5, event: 5, value: 1, field: 0 };
  const most = 40;

  // How well one word of the query fits an entry; 0 when it does not.
  const fit = (word, [, owner, name, , , summary]) => {
    const lower = name.toLowerCase();
    if (lower === word) return 100;
    if (lower.startsWith(word)) return 80;
    const at = lower.indexOf(word);
    // albumWinner and album_winner both have a word "winner".
    if (at > 0 && (/[A-Z]/.test(name[at]) || /[._]/.test(name[at - 1]))) return 60;
    if (at > 0) return 40;
    if (`${owner}.${name}`.toLowerCase().includes(word)) return 30;
    return summary.toLowerCase().includes(word) ? 10 : 0;
  };

  const find = (query) => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    if (words.length === 0 || !window.idlIndex) return found;
    window.idlIndex.entries.forEach((entry, order) => {
      let score = kinds[entry[0]] || 0;
      for (const word of words) {
        const points = fit(word, entry);
        if (points === 0) return;
        score += points;
      }
      found.push({ entry, score, order });
    });
    return found.sort((a, b) => b.score - a.score || a.entry[2].length - b.entry[2].length || a.order - b.order);
  };

  const make = (tag, kind, text) => {
    const element = document.createElement(tag);
    element.className = kind;
    element.textContent = text;
    return element;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.getElementById("search-form");
    const input = document.getElementById("search");
    const panel = document.getElementById("results");
    const count = document.getElementById("results-count");
    const list = document.getElementById("results-list");
    const button = document.getElementById("theme");
    const contents = document.getElementById("contents");
    form.hidden = button.hidden = false;

    const label = () => {
      button.textContent = { system: "Auto", light: "Light", dark: "Dark" }[theme];
      button.setAttribute("aria-label", `Theme: ${theme}. Change it`);
    };
    label();
    button.addEventListener("click", () => {
      theme = themes[(themes.indexOf(theme) + 1) % themes.length];
      store(theme);
      show();
      label();
    });

    // On a narrow screen the contents would push the text off it.
    const narrow = matchMedia("(max-width: 60rem)");
    const fold = () => { contents.open = !narrow.matches; };
    narrow.addEventListener("change", fold);
    fold();

    const close = () => { panel.hidden = true; };
    const search = () => {
      const found = find(input.value);
      panel.hidden = input.value.trim() === "";
      count.textContent = found.length === 0 ? "Nothing found"
        : found.length === 1 ? "1 result"
        : found.length > most ? `The best ${most} of ${found.length} results` : `${found.length} results`;
      list.replaceChildren(...found.slice(0, most).map(({ entry }) => {
        const [kind, owner, name, page, anchor, summary] = entry;
        const link = document.createElement("a");
        link.href = window.idlIndex.pages[page] + (anchor ? `#${anchor}` : "");
        link.append(make("span", "kind", kind), make("span", "what", owner ? `${owner}.${name}` : name));
        if (summary) link.append(make("span", "summary", summary));
        link.addEventListener("click", close);
        const item = document.createElement("li");
        item.append(link);
        return item;
      }));
    };

    const links = () => [...list.querySelectorAll("a")];
    const move = (step) => {
      const all = links();
      const to = all.indexOf(document.activeElement) + step;
      if (to < 0) input.focus();
      else if (to < all.length) all[to].focus();
    };

    input.addEventListener("input", search);
    input.addEventListener("focus", () => { if (input.value.trim() !== "") search(); });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const [first] = links();
      if (first && !panel.hidden) first.click();
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest && event.target.closest("input, textarea, select, [contenteditable]");
      const inside = event.target === input || panel.contains(event.target);
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        input.focus();
        input.select();
      } else if (event.key === "Escape" && inside && !panel.hidden) {
        event.preventDefault();
        input.focus();
        close();
      } else if (inside && !panel.hidden && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        move(event.key === "ArrowDown" ? 1 : -1);
      }
    });
    document.addEventListener("click", (event) => {
      if (!panel.contains(event.target) && !form.contains(event.target)) close();
    });

    // index.html#?q=album is a link to what a search finds.
    const linked = () => {
      if (!location.hash.startsWith("#?")) return;
      const query = new URLSearchParams(location.hash.slice(2)).get("q");
      if (query === null) return;
      input.value = query;
      search();
    };
    addEventListener("hashchange", linked);
    linked();
  });
})();
