"""A registry in memory that can be told to misbehave, and images made for it without any other program.

    with Registry() as registry:
        registry.add_image("app", "1", [layer({"etc/motd": b"hello"})])
        registry.fault(r"/blobs/", drop_after(1000), times=2)
        ...
        assert registry.asked("GET", "/blobs/") == 3

It speaks as much of the OCI distribution specification as clients use: manifests, blobs by range, uploads in one piece
or in parts, mounts, tags; tokens, passwords, TLS. Every request is kept in `requests`.
"""

import base64
import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import re
import socket
import ssl
import tarfile
import threading
import time
import urllib.parse
import uuid

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
MACHINE = os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64")


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(files, size=0):
    """An uncompressed layer with these files, and one of size incompressible bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            tar.addfile(info, io.BytesIO(content))
        if size:
            info = tarfile.TarInfo("random")
            info.size = size
            tar.addfile(info, io.BytesIO(os.urandom(size)))
    return buffer.getvalue()


def image(layers, architecture=MACHINE, plain=False):
    """(manifest, {digest: blob}) of an OCI image."""
    blobs, descriptors = {}, []
    for tar in layers:
        data = tar if plain else gzip.compress(tar, 1, mtime=0)
        blobs[digest_of(data)] = data
        descriptors.append({"mediaType": OCI_LAYER + ("" if plain else "+gzip"), "digest": digest_of(data),
                            "size": len(data)})
    config = json.dumps({"architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
                         "created": "2024-05-06T07:08:09Z",
                         "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in layers]}}).encode()
    blobs[digest_of(config)] = config
    manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                           "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
                           "layers": descriptors}).encode()
    return manifest, blobs


# ---- faults: each gets the handler, and returns True when it has answered ----------------------------------

def drop_after(count):
    """Answers as usual, but the connection breaks after so many bytes of the body."""
    def fault(handler):
        handler.break_after = count
        return False
    return fault


def status(code, **headers):
    def fault(handler):
        handler.answer(code, b"", {name.replace("_", "-"): value for name, value in headers.items()})
        return True
    return fault


def redirect(base, code=307):
    def fault(handler):
        handler.answer(code, b"", {"Location": base + handler.path})
        return True
    return fault


def body(data, kind="application/octet-stream"):
    def fault(handler):
        handler.answer(200, data, {"Content-Type": kind})
        return True
    return fault


def hold(event):
    """Waits for the event in the middle of the body."""
    def fault(handler):
        handler.hold = event
        return False
    return fault


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    break_after = None
    hold = None

    def log_message(self, *_):
        pass

    @property
    def registry(self):
        return self.server.registry

    def answer(self, code, data=b"", headers=None):
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(data)

    def send_body(self, data):
        if self.hold:
            self.wfile.write(data[:len(data) // 2])
            self.wfile.flush()
            self.hold.wait(30)
            data = data[len(data) // 2:]
        if self.break_after is not None and len(data) > self.break_after:
            self.wfile.write(data[:self.break_after])
            self.wfile.flush()
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(data)

    def error(self, code, name, headers=None):
        self.answer(code, json.dumps({"errors": [{"code": name, "message": name.lower().replace("_", " ")}]}).encode(),
                    {"Content-Type": "application/json", **(headers or {})})

    def handle_any(self):
        self.break_after = self.hold = None
        self.path_only, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        length = int(self.headers.get("Content-Length") or 0)
        self.registry.requests.append((self.command, self.path, dict(self.headers)))
        for fault in self.registry.faults:
            if fault["times"] > 0 and fault["method"] in (None, self.command) and re.search(fault["path"], self.path):
                fault["times"] -= 1
                if fault["early"] is not None:
                    self.rfile.read(min(fault["early"], length))
                    self.close_connection = True
                    with contextlib.suppress(OSError):
                        self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if fault["run"](self):
                    self.rfile.read(length)
                    return
        self.data = self.rfile.read(length)
        self.serve()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

    def serve(self):
        if self.path_only == "/token":
            return self.serve_token()
        if not self.authorized():
            return None
        if self.path_only == "/v2/":
            return self.answer(200, b"{}")
        for pattern, function in (
                (r"/v2/(.+)/manifests/([^/]+)$", self.serve_manifest), (r"/v2/(.+)/blobs/(sha256:[0-9a-f]+)$", self.serve_blob),
                (r"/v2/(.+)/blobs/uploads/([^/]*)$", self.serve_upload), (r"/v2/(.+)/tags/list$", self.serve_tags),
                (r"/v2/(_catalog)$", self.serve_catalog)):
            match = re.match(pattern, self.path_only)
            if match:
                return function(*match.groups())
        return self.error(404, "NOT_FOUND")

    # ---- who may ------------------------------------------------------------------------------------

    def authorized(self):
        registry, given = self.registry, self.headers.get("Authorization", "")
        if registry.auth == "basic":
            wanted = base64.b64encode(f"{registry.user}:{registry.password}".encode()).decode()
            if given == f"Basic {wanted}":
                return True
            self.error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="here"'})
            return False
        if registry.auth == "token":
            repository = re.match(r"/v2/(.+)/(manifests|blobs|tags)/", self.path_only)
            action = "pull" if self.command in ("GET", "HEAD") else "push"
            scopes = registry.tokens.get(given.removeprefix("Bearer "), None)
            if scopes is not None and (not repository or any(
                    scope.startswith(f"repository:{repository[1]}:") and action in scope for scope in scopes)):
                return True
            scope = f',scope="repository:{repository[1]}:{action}"' if repository else ""
            self.error(401, "UNAUTHORIZED", {
                "WWW-Authenticate": f'Bearer realm="{registry.url}/token",service="test, registry"{scope}'})
            return False
        return True

    def serve_token(self):
        registry = self.registry
        form = dict(urllib.parse.parse_qsl(self.data.decode()))
        query = urllib.parse.parse_qs(self.path.partition("?")[2])
        wanted = base64.b64encode(f"{registry.user}:{registry.password}".encode()).decode()
        if form:
            good = form.get("grant_type") == "refresh_token" and form.get("refresh_token") == registry.refresh_token
            scopes = form.get("scope", "").split()
        else:
            good = self.headers.get("Authorization") == f"Basic {wanted}"
            scopes = query.get("scope", [])
        if not good and not registry.anonymous:
            return self.error(401, "UNAUTHORIZED")
        token = uuid.uuid4().hex
        registry.tokens[token] = scopes if good else [scope for scope in scopes if scope.endswith(":pull")]
        return self.answer(200, json.dumps({"token": token, "expires_in": 300}).encode(),
                           {"Content-Type": "application/json"})

    # ---- what there is --------------------------------------------------------------------------------

    def serve_manifest(self, repository, target):
        registry = self.registry
        if self.command == "PUT":
            kind, digest = self.headers.get("Content-Type"), digest_of(self.data)
            parsed = json.loads(self.data)
            for blob in [parsed["config"], *parsed["layers"]] if "config" in parsed else []:
                if "urls" not in blob and blob["digest"] not in registry.repositories.get(repository, ()):
                    return self.error(400, "MANIFEST_BLOB_UNKNOWN")
            registry.manifests[repository, digest] = registry.manifests[repository, target] = (kind, self.data)
            return self.answer(201, b"", {"Docker-Content-Digest": digest, "Location": self.path})
        if (repository, target) not in registry.manifests:
            return self.error(404, "MANIFEST_UNKNOWN")
        kind, data = registry.manifests[repository, target]
        return self.answer(200, data, {"Content-Type": kind, "Docker-Content-Digest": digest_of(data)})

    def serve_blob(self, repository, digest):
        registry = self.registry
        if digest not in registry.repositories.get(repository, ()):
            return self.error(404, "BLOB_UNKNOWN")
        data = registry.blobs[digest]
        asked = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        if asked and registry.ranges:
            first = int(asked[1])
            if first >= len(data):
                return self.error(416, "RANGE_INVALID")
            return self.answer(206, data[first:], {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"})
        return self.answer(200, data, {"Content-Type": "application/octet-stream"})

    def serve_upload(self, repository, name):
        registry = self.registry
        if self.command == "POST":
            mount, source = self.query.get("mount"), self.query.get("from")
            if mount and mount in registry.repositories.get(source, ()):
                registry.repositories.setdefault(repository, set()).add(mount)
                return self.answer(201, b"", {"Location": f"/v2/{repository}/blobs/{mount}"})
            name = uuid.uuid4().hex
            registry.uploads[name] = b""
            return self.answer(202, b"", {"Location": f"{registry.url}/v2/{repository}/blobs/uploads/{name}?state=0",
                                          "Range": "0-0"})
        if name not in registry.uploads:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN")
        if self.command in ("PATCH", "PUT"):
            if self.command == "PATCH" and not self.headers.get("Content-Range", "").startswith(
                    f"{len(registry.uploads[name])}-"):
                return self.error(416, "RANGE_INVALID")
            registry.uploads[name] += self.data
        got = registry.uploads[name]
        if self.command == "PUT":
            if digest_of(got) != self.query["digest"]:
                return self.error(400, "DIGEST_INVALID")
            registry.add_blob(repository, got)
            return self.answer(201, b"", {"Location": f"/v2/{repository}/blobs/{digest_of(got)}"})
        return self.answer(202 if self.command == "PATCH" else 204, b"", {
            "Location": f"/v2/{repository}/blobs/uploads/{name}?state={len(got)}", "Range": f"0-{max(len(got) - 1, 0)}"})

    def serve_tags(self, repository):
        tags = sorted(tag for name, tag in self.registry.manifests if name == repository and ":" not in tag)
        last = self.query.get("last")
        tags = [tag for tag in tags if not last or tag > last]
        headers = {"Content-Type": "application/json"}
        if len(tags) > 2:  # pages of two
            tags = tags[:2]
            headers["Link"] = f'</v2/{repository}/tags/list?last={tags[-1]}&n=2>; rel="next"'
        return self.answer(200, json.dumps({"name": repository, "tags": tags}).encode(), headers)

    def serve_catalog(self, _):
        return self.answer(200, json.dumps({"repositories": sorted(self.registry.repositories)}).encode(),
                           {"Content-Type": "application/json"})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that left is what some tests are about


class Registry:
    def __init__(self, auth=None, certificate=None, client_authority=None):
        self.auth, self.user, self.password, self.refresh_token = auth, "joe", "se:cret", "refresh-me"
        self.anonymous, self.ranges = False, True
        self.blobs, self.repositories, self.manifests, self.uploads, self.tokens = {}, {}, {}, {}, {}
        self.requests, self.faults = [], []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.registry = self
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"{'https' if certificate else 'http'}://{self.host}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            if client_authority:
                context.load_verify_locations(client_authority)
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def add_blob(self, repository, data):
        self.blobs[digest_of(data)] = data
        self.repositories.setdefault(repository, set()).add(digest_of(data))

    def add_manifest(self, repository, tag, manifest, kind=OCI_MANIFEST):
        self.manifests[repository, digest_of(manifest)] = self.manifests[repository, tag] = (kind, manifest)
        return digest_of(manifest)

    def add_image(self, repository, tag, layers, **more):
        manifest, blobs = image(layers, **more)
        for data in blobs.values():
            self.add_blob(repository, data)
        return self.add_manifest(repository, tag, manifest)

    def layers(self, repository, tag):
        return [entry["digest"] for entry in json.loads(self.manifests[repository, tag][1])["layers"]]

    def fault(self, path, run=None, times=1, method=None, early=None):
        """early: breaks the connection after so many bytes of the request's body."""
        self.faults.append({"path": path, "run": run, "times": times, "method": method, "early": early})

    def asked(self, method, path):
        return [headers for asked, at, headers in list(self.requests) if asked == method and re.search(path, at)]

    def wait_for(self, method, path, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while not self.asked(method, path):
            if time.monotonic() > deadline:
                raise AssertionError(f"nobody asked for {method} {path}: {self.requests}")
            time.sleep(0.01)
