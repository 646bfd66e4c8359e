// What stands in place of results: nothing found, and each way in which the service can fail, with what to do about it.

import { keepKey } from "./api.js";
import { Go } from "./parts.js";
import { address } from "./state.js";
import { html, useLayoutEffect, useRef } from "./vendor/preact.js";

/** A calm box that says what is so, and what can be done: `{label, act}` buttons, `{sku}` links, `{command}` lines. */
export const Notice = ({ title, text, remedies = [], kind = "empty" }) => html`
  <div class=${`notice ${kind}`} role=${kind === "failed" ? "alert" : undefined}>
    <h2>${title}</h2>
    <p dir="auto">${text}</p>
    ${remedies.map(({ command, sku, label, act }) =>
      command
        ? html`<code class="command">${command}</code>`
        : sku
          ? html`<${Go} class="button" href=${address({ sku })}>${sku}<//>`
          : html`<button type="button" class="button" onClick=${act}>${label}</button>`,
    )}
  </div>`;

/** What to say of a failure, and the remedies. */
export function Failure({ app, problem }) {
  const again = { label: "Try again", act: () => app.refresh() };
  const say = (title, text, ...remedies) => html`<${Notice} kind="failed" title=${title} text=${text}
    remedies=${remedies} />`;
  if (problem.type?.endsWith("no-live-model"))
    return say(
      "Nothing is indexed yet",
      "Take a product feed in; its products appear here as soon as they are indexed.",
      { command: "recommender ingest FEED" },
      again,
    );
  if (problem.status === 0)
    return say(
      "The service does not answer",
      "It may be restarting, or the network is away. Start it if it is not running:",
      { command: "recommender serve" },
      again,
    );
  if (problem.status === 401)
    return say(
      "An API key is needed",
      "This service answers only requests with a key. It is kept until this tab is closed.",
      { label: "Enter a key", act: () => app.askKey() },
      { command: "recommender keys create NAME --scope read" },
    );
  if (problem.status === 403) return say("This key may not do that", problem.message);
  if (problem.status === 404) {
    const meant = problem.nearest.map((sku) => ({ sku }));
    return say("Not found", problem.message, ...(meant.length ? meant : [again]));
  }
  if (problem.status === 503) return say("The engine is away for a moment", problem.message, again);
  if (problem.status) return say("That could not be answered", problem.message, again);
  return say("The page itself failed", problem.message, { label: "Reload the page", act: () => location.reload() });
}

/** Asks for an API key; `done` is told whether one was given. */
export function KeyDialog({ done }) {
  const dialog = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => dialog.current.showModal(), []);
  const submit = (event) => {
    event.preventDefault();
    keepKey(new FormData(event.target).get("key")?.toString().trim());
    done(true);
  };
  return html`
    <dialog class="dialog" aria-labelledby="key-title" ref=${dialog} onClose=${() => done(false)}>
      <form onSubmit=${submit}>
        <h2 id="key-title">API key</h2>
        <p>The service asks for one. It is sent to this service alone, and forgotten when the tab is closed.</p>
        <label for="key">Key</label>
        <input type="password" id="key" name="key" autocomplete="off" required spellcheck=${false} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${() => dialog.current.close()}>Cancel</button>
          <button type="submit" class="button primary">Use this key</button>
        </div>
      </form>
    </dialog>`;
}
