// What another threshold would do: counts, rates and their intervals from the scores, at once.

const ALL = "all posts";

/** Wilson's score interval, as metrics/intervals.py computes it. */
function wilson(successes, trials, z) {
  const share = successes / trials;
  const middle = (share + z * z / (2 * trials)) / (1 + z * z / trials);
  const half = (z / (1 + z * z / trials)) * Math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials));
  return [successes === 0 ? 0 : Math.max(0, middle - half), successes === trials ? 1 : Math.min(1, middle + half)];
}

/** Count right and wrong answers of all posts (first) and of each group; a post without a score counts as wrong. */
function confusions(system, threshold) {
  const { scores } = posts.systems[system];
  const counts = [ALL, ...posts.columns.group.names].map(() => ({ tp: 0, fn: 0, fp: 0, tn: 0 }));
  scores.forEach((score, at) => {
    const positive = posts.columns.label.codes[at] === posts.positive;
    const called = score === null ? !positive : score >= threshold;
    const cell = positive ? (called ? "tp" : "fn") : (called ? "fp" : "tn");
    counts[0][cell] += 1;
    counts[posts.columns.group.codes[at] + 1][cell] += 1;
  });
  return counts;
}

function rateRows(counts, z) {
  const rows = [];
  const add = (place, system, wrong, of) => {
    if (of === 0) return;
    const [low, high] = wilson(wrong, of, z);
    const value = Number(fixed(wrong / of)); // the chart's own format would round a tie up
    rows.push({ place, system, value, low, high, note: `${wrong} of ${of}` });
  };
  for (const [place, one] of counts) {
    add(place, "FPR", one.fp, one.fp + one.tn);
    add(place, "FNR", one.fn, one.fn + one.tp);
  }
  return rows;
}

/** The distinct scores of a system, rising, and at last a threshold that flags nothing: each step changes something. */
function stepsOf(system) {
  const scores = posts.systems[system].scores.filter((score) => score !== null);
  return [...new Set(scores)].sort((one, other) => one - other).concat(Infinity);
}

/** A threshold with as many decimals as it takes to tell it from the steps beside it, three at least. */
function shown(threshold, steps, at) {
  if (threshold === Infinity) return `above ${shown(steps[at - 1], steps, at - 1)}`;
  const beside = [steps[at - 1], steps[at + 1]].filter(Number.isFinite);
  const enough = (digits) => beside.every((step) => fixed(step, digits) !== fixed(threshold, digits));
  let digits = 3;
  while (digits < 17 && !enough(digits)) digits += 1;
  return fixed(threshold, digits);
}

function tell({ tp, fn, fp, tn }, threshold, inUse) {
  for (const [name, count] of Object.entries({ tp, fn, fp, tn })) byId(`threshold-${name}`).textContent = counted(count);
  const shares = {
    f1: (2 * tp) / (2 * tp + fp + fn), accuracy: (tp + tn) / (tp + tn + fp + fn), fpr: fp / (fp + tn), fnr: fn / (fn + tp),
  };
  for (const [name, share] of Object.entries(shares)) {
    byId(`threshold-${name}`).textContent = Number.isFinite(share) ? fixed(share) : "–";
  }
  byId("threshold-value").textContent = threshold;
  const which = inUse ? "the threshold in use" : `threshold ${threshold}`;
  byId("threshold-note").textContent = `At ${which} ${counted(tp + fp)} posts are flagged.`;
}

function startThreshold() {
  const settings = sections.threshold;
  if (!settings) return;
  const slider = byId("threshold-slider");
  const system = byId("threshold-system");
  system.append(...settings.systems.map((name) => make("option", { value: name, textContent: name })));
  system.value = settings.system;
  let steps = [];
  let threshold = settings.chosen[system.value]; // it may lie between two scores, where the slider has no step

  const update = async () => {
    const counts = confusions(system.value, threshold);
    const text = shown(threshold, steps, Number(slider.value));
    slider.setAttribute("aria-valuetext", text);
    tell(counts[0], text, threshold === settings.chosen[system.value]);
    const named = [[ALL, counts[0]], ...settings.groups.map(([name, code]) => [name, counts[code + 1]])];
    const view = await draw("threshold-rates");
    await view.data("rates", rateRows(named, settings.critical)).runAsync();
  };
  const move = (to) => {
    threshold = to;
    update();
  };

  slider.addEventListener("input", () => move(steps[Number(slider.value)]));
  const reset = () => {
    steps = stepsOf(system.value);
    slider.max = steps.length - 1;
    slider.value = steps.findIndex((step) => step >= settings.chosen[system.value]); // it flags the same posts
    move(settings.chosen[system.value]);
  };
  system.addEventListener("change", reset);
  byId("threshold-reset").addEventListener("click", reset);
  reset();
}
