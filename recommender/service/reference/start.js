// The reference is drawn from /openapi.json, which needs a key once the service has one.
const form = document.getElementById("key");
let key = "";

const withKey = (request) => {
  if (key) request.headers["Authorization"] = `Bearer ${key}`;
  return request;
};

async function start() {
  const answer = await fetch("/openapi.json", withKey({ headers: {} }));
  form.hidden = answer.status !== 401;
  if (answer.ok) {
    const spec = await answer.json();
    SwaggerUIBundle({ spec, dom_id: "#reference", requestInterceptor: withKey, deepLinking: true });
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  key = new FormData(form).get("key").trim();
  start();
});
start();
