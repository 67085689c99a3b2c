// Draws the figures with Vega-Lite: what is in sight first, the rest when there is time, so that a print has all.

const figures = data("figures");
const views = new Map();

function showTooltip(handler, event, item, value) {
  const tooltip = byId("tooltip");
  const empty = value === null || value === undefined || value === "";
  tooltip.hidden = empty;
  if (empty) return;
  const rows = typeof value === "object" ? Object.entries(value) : [["", value]];
  tooltip.replaceChildren(...rows
    .filter(([, shown]) => shown !== "undefined" && shown !== undefined && shown !== null)
    .map(([name, shown]) => make("div", {}, name ? `${name} ` : "", make("b", {}, String(shown)))));
  const left = Math.min(event.clientX + 12, innerWidth - tooltip.offsetWidth - 8);
  const top = event.clientY + 16 + tooltip.offsetHeight > innerHeight
    ? event.clientY - tooltip.offsetHeight - 8
    : event.clientY + 16;
  tooltip.style.left = `${Math.max(left, 4)}px`;
  tooltip.style.top = `${Math.max(top, 4)}px`;
}

/** Draw one figure, once. Vega's own evaluation of strings is off: its interpreter needs no permission to. */
function draw(id) {
  if (!views.has(id)) {
    const options = {
      actions: false, ast: true, config: figures.config, defaultStyle: false, renderer: "svg", tooltip: showTooltip,
      logLevel: 1,
    };
    // The place is an image with a description; the marks inside would be read out one by one.
    const inside = make("div", { ariaHidden: "true" });
    byId(id).replaceChildren(inside);
    views.set(id, vegaEmbed(inside, figures.specs[id], options).then((result) => result.view));
  }
  return views.get(id);
}

function startCharts() {
  const waiting = new Set(Object.keys(figures.specs));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      waiting.delete(entry.target.id);
      watcher.unobserve(entry.target);
      draw(entry.target.id);
    }
  }, { rootMargin: "300px" });
  for (const id of waiting) watcher.observe(byId(id));

  const later = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
  const drawNext = async () => {
    const [id] = waiting;
    if (id === undefined) {
      document.documentElement.dataset.drawn = "all";
      return;
    }
    waiting.delete(id);
    await draw(id);
    later(drawNext);
  };
  later(drawNext);
}
