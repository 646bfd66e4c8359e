// A backend in Node on a client that is generated from the service's own document:
//   npx openapi-ts -i http://127.0.0.1:8000/openapi.json -o client
//   npx esbuild node.ts --bundle --platform=node --format=esm --outfile=backend.mjs
//   RECOMMENDER_URL=http://127.0.0.1:8000 RECOMMENDER_API_KEY=rk_... node backend.mjs
// It answers GET /?q=TEXT with titles. While the recommender is away, it answers with none.
import { createServer } from "node:http";
import { search } from "./client";
import { client } from "./client/client.gen";

client.setConfig({
  baseUrl: process.env.RECOMMENDER_URL ?? "http://127.0.0.1:8000",
  headers: { "X-API-Key": process.env.RECOMMENDER_API_KEY ?? "" },
});

const server = createServer(async (request, response) => {
  const text = new URL(request.url ?? "/", "http://shop").searchParams.get("q") ?? "";
  const answer = await search({ query: { q: text, k: 5 }, signal: AbortSignal.timeout(500) }).catch(() => undefined);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify((answer?.data?.hits ?? []).map((hit) => hit.title)));
});

server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : address);
});
