"""What others make of the OpenAPI document: linters, and clients in TypeScript that compile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from service.conftest import Service, listening

EXAMPLE = Path(__file__).parents[2] / "examples/backends/node.ts"

PACKAGES = (
    "@hey-api/openapi-ts@0.95.0",
    "@redocly/cli@2.77.0",
    "@stoplight/spectral-cli@6.16.3",
    "@types/node@20.19.9",
    "esbuild@0.25.8",
    "openapi-typescript@7.13.0",
    "typescript@5.9.3",
)

BACKEND = """
import type { paths } from "./schema";
import { search, writeProducts, type SearchRequest } from "./client";

const asked: SearchRequest = { query: "light boots", filters: { price_max: 80 }, options: { diversity: 0.3 } };
type Given = paths["/v1/search"]["post"]["requestBody"]["content"]["application/json"];
export const given: Given = { query: asked.query };

export async function titles(text: string): Promise<string[]> {
    const { data } = await search({ query: { q: text, k: 3, in_stock: true } });
    return (data?.hits ?? []).map((hit) => `${hit.title} ${hit.price?.toFixed(2) ?? ""}`);
}
export const write = () => writeProducts({ body: { upsert: [{ sku: "A", title: "Boots" }] } });
"""

SETTINGS = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
        "target": "es2022",
        "module": "es2022",
        "moduleResolution": "bundler",
        "lib": ["es2022", "dom"],
    },
    "include": ["*.ts"],
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tools, from npm."""
    folder = tmp_path_factory.mktemp("npm")
    (folder / "package.json").write_text("{}")
    if shutil.which("npm") is None:
        pytest.skip("there is no npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", *PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode:
        pytest.skip(f"npm can't install the tools: {done.stderr[-200:]}")
    return folder


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(["npx", "--no-install", *command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout + done.stderr


def test_linters_find_nothing_and_clients_in_typescript_compile_and_ask(service: Service, tools: Path) -> None:
    (tools / "openapi.json").write_text(json.dumps(service.get("/openapi.json")))
    assert "is valid" in _run(tools, "redocly", "lint", "openapi.json")
    (tools / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    assert "No results" in _run(tools, "spectral", "lint", "openapi.json", "--fail-severity", "hint")
    _run(tools, "openapi-typescript", "openapi.json", "-o", "schema.ts")
    _run(tools, "openapi-ts", "-i", "openapi.json", "-o", "client")
    (tools / "backend.ts").write_text(BACKEND)
    shutil.copy(EXAMPLE, tools)
    (tools / "tsconfig.json").write_text(json.dumps(SETTINGS))
    _run(tools, "tsc", "-p", ".")
    bundle = ("--bundle", "--platform=node", "--format=esm", "--outfile=backend.mjs")
    _run(tools, "esbuild", EXAMPLE.name, *bundle)
    with listening(service.app) as url, _running(tools / "backend.mjs", url) as port:
        titles = httpx.get(f"http://127.0.0.1:{port}/", params={"q": "red cotton shirt"}).json()
    assert titles[0] == "Red cotton shirt"


@contextmanager
def _running(program: Path, url: str) -> Iterator[int]:
    """Run the backend of the example; give its port."""
    with subprocess.Popen(["node", program], env=os.environ | {"RECOMMENDER_URL": url}, stdout=subprocess.PIPE) as node:
        assert node.stdout
        yield int(node.stdout.readline())
        node.kill()


def test_operations_have_short_names_and_no_member_of_a_request_has_a_default(service: Service) -> None:
    document = service.get("/openapi.json")
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert {"search", "similar", "recommend", "browse", "put_product", "write_products", "status"} <= set(names)
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 20
    assert [each["operationId"] for each in operations if not each["description"]] == []
    (server,) = document["servers"]
    assert urljoin("https://shop.example/rec/openapi.json", server["url"]) == "https://shop.example/rec/"
    assert '"default"' not in json.dumps(document["components"])
    assert "Default: 10." in document["components"]["schemas"]["SearchRequest"]["properties"]["k"]["description"]
