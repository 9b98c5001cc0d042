// Light or dark: what the reader chose, else what the system says. The colours themselves are in app.css.
const system = matchMedia("(prefers-color-scheme: dark)");
const kept = localStorage.getItem("tongsu.theme");
const state = $state({ dark: kept ? kept === "dark" : system.matches });

function apply() {
  document.documentElement.dataset.theme = state.dark ? "dark" : "light";
}
apply();
system.addEventListener("change", (event) => {
  if (localStorage.getItem("tongsu.theme")) return;
  state.dark = event.matches;
  apply();
});

export const theme = {
  get dark() {
    return state.dark;
  },
  toggle() {
    state.dark = !state.dark;
    localStorage.setItem("tongsu.theme", state.dark ? "dark" : "light");
    apply();
  },
};
