"""A small Hugging Face Hub on this machine: the real client talks to it over HTTP.

It has the endpoints that creating, committing to, listing and downloading a dataset repository
need, and takes every file within the commit, as the hub takes small ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]


class Hub(ThreadingHTTPServer):
    """Repositories in memory: for each, the branch "main" as a list of commits."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, list[Files]] = {}
        self.private: set[str] = set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def sha(self, repo: str, number: int) -> str:
        return hashlib.sha1(f"{repo} {number}".encode()).hexdigest()

    def commit(self, repo: str, revision: str) -> tuple[str, Files]:
        """Find a commit by branch or hash; KeyError if there is none."""
        commits = self.repositories[repo]
        known = {self.sha(repo, number): files for number, files in enumerate(commits)}
        sha = self.sha(repo, len(commits) - 1) if revision == "main" else revision
        return sha, known[sha]


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep the test's output clean."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match urlsplit(self.path).path.strip("/").split("/"):
            case ["api", "repos", "create"]:
                self._create(json.loads(body))
            case ["api", "validate-yaml"]:
                self._send({"errors": [], "warnings": []})
            case ["api", "datasets", owner, name, "preupload", _]:
                files = json.loads(body)["files"]
                mode = {"uploadMode": "regular", "shouldIgnore": False}
                self._send({"files": [{"path": file["path"], **mode} for file in files]})
            case ["api", "datasets", owner, name, "commit", _]:
                self._commit(f"{owner}/{name}", [json.loads(line) for line in body.splitlines()])
            case _:
                self._send({"error": self.path}, 404)

    def _create(self, request: dict[str, Any]) -> None:
        repo = f"{request['organization']}/{request['name']}"
        status = 409 if repo in self.server.repositories else 200
        self.server.repositories.setdefault(repo, [{".gitattributes": b"*.arrow filter=lfs\n"}])
        if request.get("visibility") == "private" or request.get("private"):
            self.server.private.add(repo)
        self._send({"url": f"{self.server.endpoint}/datasets/{repo}"}, status)

    def _commit(self, repo: str, operations: list[dict[str, Any]]) -> None:
        files = dict(self.server.repositories[repo][-1])
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "deletedFile":
                del files[value["path"]]
        self.server.repositories[repo].append(files)
        sha, _ = self.server.commit(repo, "main")
        url = f"{self.server.endpoint}/datasets/{repo}/commit/{sha}"
        self._send({"commitUrl": url, "commitOid": sha})

    def do_GET(self) -> None:
        try:
            self._get([unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")])
        except KeyError as error:
            self._send({"error": f"no {error}"}, 404, {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815  (the name that http.server calls)

    def _get(self, parts: list[str]) -> None:
        match parts:
            case ["api", "datasets", owner, name, "revision", revision]:
                sha, files = self.server.commit(f"{owner}/{name}", revision)
                siblings = [{"rfilename": path} for path in files]
                self._send({"id": f"{owner}/{name}", "sha": sha, "siblings": siblings})
            case ["api", "datasets", owner, name, "tree", revision]:
                _, files = self.server.commit(f"{owner}/{name}", revision)
                tree = {"type": "file"}
                self._send(
                    [
                        {
                            **tree,
                            "path": path,
                            "size": len(data),
                            "oid": hashlib.sha1(data).hexdigest(),
                        }
                        for path, data in files.items()
                    ]
                )
            case ["datasets", owner, name, "resolve", revision, *path]:
                sha, files = self.server.commit(f"{owner}/{name}", revision)
                data = files["/".join(path)]
                etag = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": sha}
                self._send_bytes(data, 200, etag)
            case _:
                raise KeyError(self.path)

    def _send(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        json_type = {"Content-Type": "application/json"}
        self._send_bytes(json.dumps(content).encode(), status, json_type | (headers or {}))

    def _send_bytes(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Run a hub in a thread."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
