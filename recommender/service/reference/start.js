// The reference is drawn from openapi.json beside it, which needs a key once the service has one.
const form = document.getElementById("key");
const reference = document.getElementById("reference");
let key = "";

const withKey = (request) => {
  if (key) request.headers["Authorization"] = `Bearer ${key}`;
  return request;
};

async function start() {
  const answer = await fetch("openapi.json", withKey({ headers: {} }));
  form.hidden = answer.status !== 401;
  if (answer.ok) {
    const spec = await answer.json();
    SwaggerUIBundle({ spec, domNode: reference, requestInterceptor: withKey, deepLinking: true });
  } else if (form.hidden) {
    const problem = await answer.json().catch(() => ({}));
    reference.textContent = problem.detail ?? `The service answered ${answer.status}.`;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  key = new FormData(form).get("key").trim();
  start();
});
start();
