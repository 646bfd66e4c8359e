// What stands in place of results: nothing found, and each way in which the service can fail, with what to do about it.

import { h } from "./dom.js";
import { keepKey } from "./api.js";
import { address } from "./state.js";

/** A calm box with a title, a sentence, and what can be done: `{label, act}` buttons, `{sku}` links, `{command}` lines. */
export function notice(title, text, remedies = [], kind = "empty") {
  return h(
    "div",
    { class: `notice ${kind}`, role: kind === "failed" ? "alert" : null },
    h("h2", {}, title),
    h("p", { dir: "auto" }, text),
    remedies.map(remedy),
  );
}

function remedy(one) {
  if (one.command) return h("code", { class: "command" }, one.command);
  return one.sku ? h("a", { class: "button", href: address({ sku: one.sku }), data: { go: "" } }, one.sku) : button(one);
}

const button = ({ label, act }) => h("button", { type: "button", class: "button", on: { click: act } }, label);

/** Return the notice for a failure. `retry` asks again. */
export function failure(problem, retry) {
  const again = { label: "Try again", act: retry };
  if (problem.type?.endsWith("no-live-model"))
    return notice(
      "Nothing is indexed yet",
      "Take a product feed in; its products appear here as soon as they are indexed.",
      [{ command: "recommender ingest FEED" }, again],
      "failed",
    );
  if (problem.status === 0)
    return notice(
      "The service does not answer",
      "It may be restarting, or the network is away. Start it if it is not running:",
      [{ command: "recommender serve" }, again],
      "failed",
    );
  if (problem.status === 401)
    return notice(
      "An API key is needed",
      "This service answers only who has a key. It is kept until this tab is closed.",
      [
        { label: "Enter a key", act: () => askForKey().then((given) => given && retry()) },
        { command: "recommender keys create NAME --scope read" },
      ],
      "failed",
    );
  if (problem.status === 403) return notice("This key may not do that", problem.message, [], "failed");
  if (problem.status === 404) {
    const meant = problem.nearest.map((sku) => ({ sku }));
    return notice("Not found", problem.message, meant.length ? meant : [again], "failed");
  }
  if (problem.status === 503) return notice("The engine is away for a moment", problem.message, [again], "failed");
  if (problem.status) return notice("That could not be answered", problem.message, [again], "failed");
  return notice(
    "The page itself failed",
    problem.message,
    [{ label: "Reload the page", act: () => location.reload() }],
    "failed",
  );
}

let asking = null;

/** Ask for an API key in a dialog; resolves to whether one was given. */
export function askForKey() {
  asking ??= dialogForKey().finally(() => (asking = null));
  return asking;
}

function dialogForKey() {
  const input = h("input", { type: "password", id: "key", autocomplete: "off", required: true, spellcheck: "false" });
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "key-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "key-title" }, "API key"),
      h("p", {}, "The service asks for one. It is sent to this service alone, and forgotten when the tab is closed."),
      h("label", { for: "key" }, "Key"),
      input,
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"),
        h("button", { type: "submit", class: "button primary" }, "Use this key"),
      ),
    ),
  );
  let given = false;
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    keepKey(input.value.trim());
    given = true;
    dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(given);
    }),
  );
}

/** Tell what was done, for a few seconds; `undo` takes it back. */
export function toast(text, undo = null) {
  const box = h("div", { class: "toast" }, h("span", { dir: "auto" }, text));
  const leave = () => box.remove();
  if (undo)
    box.append(h("button", { type: "button", class: "link-button", on: { click: () => (leave(), undo()) } }, "Undo"));
  document.getElementById("toasts").append(box);
  setTimeout(leave, undo ? 8000 : 5000);
}
