"""A stand-in for the Hugging Face Hub: a real HTTP server on the loopback, for the real client to talk to.

It speaks the part of the Hub's protocol that publishing and fetching a model needs: repositories and branches,
validation of the card, preupload, Git LFS (batch, upload to storage that sees no token, verification), commits as
NDJSON, the tree, and `resolve` with its redirect for large files. It checks tokens, their rights, and hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

LFS_SUFFIXES = (".safetensors", ".onnx", ".bin", ".npy")
LFS_SIZE = 10_000_000

Files = dict[str, bytes]


@dataclass(slots=True)
class Repo:
    """A repository: the files of each commit, and the commits of each branch, oldest first."""

    private: bool
    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, list[str]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def files(self, revision: str = "main") -> Files | None:
        """Return the files at a branch or a commit; None where there is neither."""
        sha = self.branches[revision][-1] if revision in self.branches else revision
        return self.commits.get(sha)

    def sha(self, revision: str) -> str:
        """Return the commit of a branch; a commit is its own."""
        return self.branches[revision][-1] if revision in self.branches else revision

    def commit(self, branch: str, files: Files, message: str) -> str:
        """Put the files on a branch."""
        sha = hashlib.sha1(f"{len(self.commits)}{message}".encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = dict(files)
        self.branches.setdefault(branch, []).append(sha)
        self.messages.append(message)
        return sha


class Hub:
    """What the server holds. `tokens` are token -> (owner, may write); `requests` are `METHOD path`, in order."""

    def __init__(self) -> None:
        self.tokens = {"hf_writes": ("acme", True), "hf_reads": ("acme", False)}
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.endpoint = ""
        self.storage = ""


class _Refused(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        self.status, self.code = status, code
        super().__init__(message)


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve an empty Hub on a free port of the loopback."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    hub.storage = f"http://localhost:{server.server_port}/storage"  # another host, as far as the client can tell
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def git_hash(content: bytes) -> str:
    """Return the id that Git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def is_lfs(path: str, content: bytes) -> bool:
    """Return whether the Hub keeps a file outside Git."""
    return path.endswith(LFS_SUFFIXES) or len(content) > LFS_SIZE


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.body = self._read()
        path = urlsplit(self.path).path
        self.hub.requests.append(f"{self.command} {path}")
        for method, pattern, action in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method.split("|"):
                try:
                    action(self, *map(unquote, found.groups()))
                except _Refused as refused:
                    headers = {"X-Error-Code": refused.code, "X-Error-Message": str(refused)} if refused.code else {}
                    self._json({"error": str(refused)}, refused.status, headers)
                return
        self._json({"error": "Not Found"}, 404)

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | (headers or {}))

    # Who asks, and for what.

    def _token(self) -> tuple[str, bool] | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme != "Bearer" or token not in self.hub.tokens:
            raise _Refused(401, "Invalid credentials in Authorization header")
        return self.hub.tokens[token]

    def _require_writer(self, owner: str) -> None:
        known = self._token()
        if known is None:
            raise _Refused(401, "Invalid username or password.")
        if known != (owner, True):
            raise _Refused(403, f"You don't have the rights to create a model under the namespace {owner!r}")

    def _repo(self, name: str) -> Repo:
        repo, known = self.hub.repos.get(name), self._token()
        if repo is None or (repo.private and (known is None or known[0] != name.split("/")[0])):
            raise _Refused(404 if known else 401, "Repository not found", "RepoNotFound")
        return repo

    def _files(self, name: str, revision: str) -> Files:
        files = self._repo(name).files(revision)
        if files is None:
            raise _Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return files

    # Repositories.

    def create(self) -> None:
        asked = json.loads(self.body)
        owner, name = asked["organization"], f"{asked['organization']}/{asked['name']}"
        self._require_writer(owner)
        url = {"url": f"{self.hub.endpoint}/{name}", "name": name}
        if name in self.hub.repos:
            self._json(url | {"error": "You already created this model repo"}, 409)
            return
        self.hub.repos[name] = Repo(private=asked.get("visibility") == "private")
        self.hub.repos[name].commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")
        self._json(url)

    def branch(self, name: str, branch: str) -> None:
        self._require_writer(name.split("/")[0])
        repo = self._repo(name)
        if branch in repo.branches:
            raise _Refused(409, f"Reference already exists: {branch}")
        repo.branches[branch] = [repo.branches["main"][-1]]
        self._json({}, 201)

    def info(self, name: str, revision: str = "main") -> None:
        files, repo = self._files(name, revision), self.hub.repos[name]
        siblings = [{"rfilename": path} for path in files]
        self._json({"id": name, "sha": repo.sha(revision), "private": repo.private, "siblings": siblings, "tags": []})

    def tree(self, name: str, revision: str) -> None:
        self._json([_entry(path, content) for path, content in sorted(self._files(name, revision).items())])

    # Upload.

    def validate(self) -> None:
        content = json.loads(self.body)["content"]
        found = re.match(r"---\n(.*?)\n---", content, re.DOTALL)
        data = yaml.safe_load(found[1]) if found else None
        errors = [] if isinstance(data, dict) else [{"message": "no metadata"}]
        for index in (data or {}).get("model-index", []):
            errors += [] if index.get("name") and index.get("results") else [{"message": '"model-index" is incomplete'}]
        self._json({"errors": errors, "warnings": []}, 400 if errors else 200)

    def preupload(self, name: str, revision: str) -> None:
        self._require_writer(name.split("/")[0])
        there = self._files(name, revision)
        modes = []
        for asked in json.loads(self.body)["files"]:
            path = asked["path"]
            lfs = path.endswith(LFS_SUFFIXES) or asked["size"] > LFS_SIZE
            mode = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
            modes.append(mode | ({"oid": _oid(path, there[path])} if path in there else {}))
        self._json({"files": modes})

    def batch(self, name: str) -> None:
        self._require_writer(name.split("/")[0])
        asked = json.loads(self.body)
        assert asked["operation"] == "upload" and "basic" in asked["transfers"]
        objects = []
        for item in asked["objects"]:
            upload = {"href": f"{self.hub.storage}/{item['oid']}"}
            verify = {"href": f"{self.hub.endpoint}/{name}.git/info/lfs/objects/verify"}
            new = {} if item["oid"] in self.hub.objects else {"actions": {"upload": upload, "verify": verify}}
            objects.append({"oid": item["oid"], "size": item["size"]} | new)
        self._json({"transfer": "basic", "objects": objects}, headers={"Content-Type": "application/vnd.git-lfs+json"})

    def store(self, oid: str) -> None:
        if "Authorization" in self.headers:
            raise _Refused(400, "the storage is another host and must not see the token")
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise _Refused(400, "the content is not what its hash says")
        self.hub.objects[oid] = self.body
        self._json({})

    def verify(self, name: str) -> None:
        asked = json.loads(self.body)
        if len(self.hub.objects.get(asked["oid"], b"")) != asked["size"]:
            raise _Refused(404, "the object is not there")
        self._json({})

    def commit(self, name: str, revision: str) -> None:
        self._require_writer(name.split("/")[0])
        files = dict(self._files(name, revision))
        lines = [json.loads(line) for line in self.body.splitlines()]
        assert lines[0]["key"] == "header"
        for line in lines[1:]:
            self._apply(line["key"], line["value"], files)
        sha = self.hub.repos[name].commit(revision, files, lines[0]["value"]["summary"])
        self._json({"success": True, "commitOid": sha, "commitUrl": f"{self.hub.endpoint}/{name}/commit/{sha}"})

    def _apply(self, key: str, value: dict[str, Any], files: Files) -> None:
        path = value["path"]
        if key == "file":
            files[path] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            if value["oid"] not in self.hub.objects:
                raise _Refused(400, f"{path} was not uploaded")
            files[path] = self.hub.objects[value["oid"]]
        elif key == "deletedFile":
            if path not in files:
                raise _Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
            del files[path]
        else:
            raise _Refused(400, f"unknown operation {key}")

    # Download.

    def resolve(self, name: str, revision: str, path: str) -> None:
        files = self._files(name, revision)
        if path not in files:
            raise _Refused(404, "Entry not found", "EntryNotFound")
        content, commit = files[path], {"X-Repo-Commit": self.hub.repos[name].sha(revision)}
        if not is_lfs(path, content):
            self._send(200, content, commit | {"ETag": f'"{git_hash(content)}"'})
            return
        oid = _oid(path, content)
        self.hub.objects[oid] = content
        linked = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
        self._send(302, b"", commit | linked | {"Location": f"{self.hub.storage}/{oid}"})

    def fetch(self, oid: str) -> None:
        content = self.hub.objects[oid]
        first = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or ["", "0"])[1])
        ranged = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if first else {}
        self._send(206 if first else 200, content[first:], {"ETag": f'"{oid}"'} | ranged)


def _oid(path: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if is_lfs(path, content) else git_hash(content)


def _entry(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": git_hash(content)}
    if is_lfs(path, content):
        entry["lfs"] = {"oid": _oid(path, content), "size": len(content), "pointerSize": 134}
    return entry


_NAME = r"([^/]+/[^/]+?)"
_ROUTES: list[tuple[str, str, Callable[..., None]]] = [
    ("POST", "/api/repos/create", _Handler.create),
    ("POST", "/api/validate-yaml", _Handler.validate),
    ("GET", f"/api/models/{_NAME}/revision/([^/]+)", _Handler.info),
    ("GET", f"/api/models/{_NAME}/tree/([^/]+)", _Handler.tree),
    ("GET", f"/api/models/{_NAME}", _Handler.info),
    ("POST", f"/api/models/{_NAME}/branch/([^/]+)", _Handler.branch),
    ("POST", f"/api/models/{_NAME}/preupload/([^/]+)", _Handler.preupload),
    ("POST", f"/api/models/{_NAME}/commit/([^/]+)", _Handler.commit),
    ("POST", f"/{_NAME}\\.git/info/lfs/objects/batch", _Handler.batch),
    ("POST", f"/{_NAME}\\.git/info/lfs/objects/verify", _Handler.verify),
    ("PUT", "/storage/([0-9a-f]{64})", _Handler.store),
    ("GET|HEAD", "/storage/([0-9a-f]{64})", _Handler.fetch),
    ("GET|HEAD", f"/{_NAME}/resolve/([^/]+)/(.+)", _Handler.resolve),
]
