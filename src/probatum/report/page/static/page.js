// What every part of the page uses: its data, elements, the theme, and what is told to a screen reader.

const data = (name) => JSON.parse(document.getElementById(`data-${name}`).textContent);
const counted = (number) => number.toLocaleString("en");
/** Format a number as the tables do: an exact tie goes to the even digit, where toFixed always goes up. */
function fixed(value, digits = 3) {
  const exact = value.toFixed(digits + 30); // a number that is no exact tie differs from one before that
  const end = exact.indexOf(".") + 1 + digits;
  const tie = /^50*$/.test(exact.slice(end));
  return tie && Number(exact[end - 1]) % 2 === 0 ? exact.slice(0, end) : value.toFixed(digits);
}

const byId = (id) => document.getElementById(id);

const sections = data("sections");
const posts = data("posts");

/** Make an element; children are elements or text, and text is never markup. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function announce(text) {
  byId("announcer").textContent = text;
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page from disk may lack the clipboard: a selection can always be copied.
    const area = make("textarea", { value: text, className: "unseen" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  announce(`${what} copied`);
}

function startThemes() {
  const buttons = document.querySelectorAll("[data-theme-choice]");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = button.dataset.themeChoice;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    });
  }
}

function startContents() {
  const details = document.querySelector("nav details");
  const narrow = matchMedia("(max-width: 70rem)");
  const fold = () => { details.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  details.addEventListener("click", (event) => {
    if (event.target.closest("a") && narrow.matches) details.open = false;
  });
}
