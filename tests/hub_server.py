"""A server on this machine that speaks the part of the Hugging Face Hub's protocol that pushing and loading use."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

USER, TOKEN = "ana", "hf_test"


class HubServer(ThreadingHTTPServer):
    """Repositories in memory, with branches and commits.

    Attributes:
        repositories: {"user/name": {"private": bool, "branches": {branch: commit}}}.
        commits: {commit: {path: content}}.
        stored: {SHA-256: content} of large files.
        sizes: {path: size} that answers claim instead of the true ones.
        requests: "METHOD /path" of all requests.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories, self.commits, self.stored, self.sizes = {}, {}, {}, {}
        self.requests = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, repository, branch, files):
        """Adds a commit with these files to a branch."""
        content = json.dumps([repository, branch, len(self.commits), sorted(files)])
        name = hashlib.sha1(content.encode()).hexdigest()
        self.commits[name] = dict(files)
        self.repositories.setdefault(repository, {"private": False, "branches": {}})["branches"][branch] = name
        return name

    def files(self, repository, branch="main"):
        """{path: content} of the newest commit."""
        return self.commits[self.repositories[repository]["branches"][branch]]

    def downloads(self):
        """Names of the files whose content was sent since the last call."""
        found = [one.rpartition("/")[2] for one in self.requests if re.match("GET .*/resolve/", one)]
        self.requests.clear()
        return sorted(found)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self):
        self.path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {self.path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        routes = {
            r"/api/whoami-v2": self._whoami,
            r"/api/validate-yaml": lambda: self._json({"warnings": [], "errors": []}),
            r"/api/repos/create": self._create,
            r"/api/models/([^/]+/[^/]+)": self._info,
            r"/api/models/([^/]+/[^/]+)/revision/(.+)": self._info,
            r"/api/models/([^/]+/[^/]+)/tree/([^/]+).*": self._tree,
            r"/api/models/([^/]+/[^/]+)/branch/(.+)": self._branch,
            r"/api/models/([^/]+/[^/]+)/preupload/(.+)": self._preupload,
            r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch": self._batch,
            r"/upload/(\w+)": self._store,
            r"/api/models/([^/]+/[^/]+)/commit/(.+)": self._commit,
            r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)": self._resolve,
        }
        for pattern, answer in routes.items():
            if found := re.fullmatch(pattern, self.path):
                return answer(*found.groups())
        self._error(404, "no such route")

    def _send(self, status, content=b"", **headers):
        self.send_response(status)
        headers["Content-Length"] = str(len(content))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _json(self, value, status=200):
        self._send(status, json.dumps(value).encode(), Content_Type="application/json")

    def _error(self, status, message, code=""):
        content = json.dumps({"error": message}).encode()
        self._send(status, content, Content_Type="application/json", X_Error_Code=code, X_Error_Message=message)

    def _may_write(self, repository):
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._error(401, "Invalid credentials")
        elif repository.partition("/")[0] != USER:
            self._error(403, "You don't have the rights to create a model under this namespace")
        else:
            return True
        return False

    def _whoami(self):
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._error(401, "Invalid credentials in Authorization header")
        self._json({"type": "user", "name": USER, "orgs": [], "auth": {"accessToken": {"role": "write"}}})

    def _create(self):
        asked = json.loads(self.body)
        repository = f"{asked.get('organization') or USER}/{asked['name']}"
        if not self._may_write(repository):
            return
        url = {"url": f"{self.server.url}/{repository}"}
        if repository in self.server.repositories:
            return self._json({"error": "You already created this model repo", **url}, 409)
        self.server.commit(repository, "main", {".gitattributes": b"*.npz filter=lfs\n"})
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.server.repositories[repository]["private"] = private
        self._json(url)

    def _known(self, repository, revision="main"):
        """The commit of a revision; an error is sent if there is none."""
        found = self.server.repositories.get(repository)
        private = found and found["private"] and self.headers.get("Authorization") != f"Bearer {TOKEN}"
        if not found or private:
            # The hub does not tell strangers which private repositories exist.
            return self._error(401 if "Authorization" not in self.headers else 404, "not found", "RepoNotFound")
        commit = found["branches"].get(revision, revision)
        if commit not in self.server.commits:
            return self._error(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def _info(self, repository, revision="main"):
        if commit := self._known(repository, revision):
            private = self.server.repositories[repository]["private"]
            siblings = [{"rfilename": path} for path in self.server.commits[commit]]
            self._json({"id": repository, "sha": commit, "private": private, "siblings": siblings, "tags": []})

    def _tree(self, repository, revision):
        if commit := self._known(repository, revision):
            files = self.server.commits[commit].items()
            self._json([{"type": "file", "path": path, "size": len(it), "oid": _oid(it)} for path, it in files])

    def _branch(self, repository, branch):
        if self._may_write(repository) and (commit := self._known(repository)):
            branches = self.server.repositories[repository]["branches"]
            if branch in branches:
                return self._error(409, "Reference already exists")
            branches[branch] = commit
            self._json({})

    def _preupload(self, repository, revision):
        if self._may_write(repository) and self._known(repository, revision):
            asked = json.loads(self.body)["files"]
            modes = {True: "lfs", False: "regular"}
            files = [{"path": one["path"], "shouldIgnore": False} for one in asked]
            self._json(
                {"files": [{**one, "uploadMode": modes[one["path"].endswith((".npz", ".png"))]} for one in files]}
            )

    def _batch(self, repository):
        if self._may_write(repository):
            objects = json.loads(self.body)["objects"]
            places = [{"upload": {"href": f"{self.server.url}/upload/{one['oid']}"}} for one in objects]
            answer = [{**one, "actions": place} for one, place in zip(objects, places)]
            self._json({"transfer": "basic", "objects": answer})

    def _store(self, oid):
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.server.stored[oid] = self.body
        self._send(200)

    def _commit(self, repository, revision):
        if not (self._may_write(repository) and (parent := self._known(repository, revision))):
            return
        files = dict(self.server.commits[parent])
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.server.stored[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        commit = self.server.commit(repository, revision, files)
        url = f"{self.server.url}/{repository}/commit/{commit}"
        self._json({"success": True, "commitOid": commit, "commitUrl": url, "hookOutput": ""})

    def _resolve(self, repository, revision, path):
        if not (commit := self._known(repository, revision)):
            return
        content = self.server.commits[commit].get(path)
        if content is None:
            return self._error(404, "Entry not found", "EntryNotFound")
        size = self.server.sizes.get(path, len(content))
        self._send(200, content, ETag=f'"{_oid(content)}"', X_Repo_Commit=commit, X_Linked_Size=str(size))


def _oid(content):
    return hashlib.sha1(content).hexdigest()
