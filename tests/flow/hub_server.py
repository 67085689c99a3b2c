"""A hub over real HTTP, with the few calls that a push makes; it keeps what it was sent."""

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Hub(ThreadingHTTPServer):
    """Use as a context manager; `files` holds what was committed, `repositories` what was made."""

    def __init__(self, refuse=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.repositories, self.sent, self.blobs, self.refuse = {}, [], b"", {}, refuse

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.server.sent += data
        return data

    def answer(self, value, code=200):
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer({"name": "user", "id": "user/repo", "sha": "0" * 40, "siblings": []})

    def do_PUT(self):
        self.server.blobs[self.path.rsplit("/", 1)[1]] = self.body()
        self.answer({})

    def do_POST(self):
        hub, data = self.server, self.body()
        if hub.refuse:
            return self.answer({"error": "not allowed"}, 403)
        if self.path.endswith("/api/validate-yaml"):
            return self.answer({"errors": [], "warnings": []})
        if self.path.endswith("/api/repos/create"):
            hub.repositories.append(json.loads(data))
            return self.answer({"url": f"{hub.address}/user/repo", "id": "user/repo"})
        if "/preupload/" in self.path:
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for file in json.loads(data)["files"]
            ]
            return self.answer({"files": files})
        if self.path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{hub.address}/blob/{one['oid']}", "header": {}}}}
                for one in json.loads(data)["objects"]
            ]
            return self.answer({"transfer": "basic", "objects": objects})
        assert "/commit/" in self.path, self.path
        for line in map(json.loads, data.decode().splitlines()):
            value = line["value"]
            if line["key"] == "file":
                hub.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                hub.files[value["path"]] = hub.blobs[value["oid"]]
        return self.answer(
            {"commitUrl": f"{hub.address}/user/repo/commit/{'1' * 40}", "commitOid": "1" * 40, "pullRequestUrl": None}
        )
