"""Fixtures for tests of registries: `rung` with a store, credentials and configuration of its own.

    def test_pull(rung, registry):
        registry.add_image("app", "1", [layer({"a": b"b"})])
        assert rung("pull", "-q", f"{registry.host}/app:1").status == 0
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess

import pytest
from conftest import RUNTIME, TIMEOUT_S, Result, wait_until
from registry_server import Registry

RUNG = RUNTIME[0]
TRUE = shutil.which("true")


class Rung:
    def __init__(self, work):
        self.work, self.data = work, work / "data"
        (work / "home").mkdir()
        (work / "run").mkdir(mode=0o700)
        (work / "registries.conf").write_text("")
        self.environment = {
            **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")},
            "PATH": "/usr/bin:/bin", "HOME": str(work / "home"), "XDG_RUNTIME_DIR": str(work / "run"),
            "XDG_CONFIG_HOME": str(work / "home/.config"), "CONTAINERS_REGISTRIES_CONF": str(work / "registries.conf"),
        }
        self.configure("")

    def configure(self, text):
        (self.work / "registries.conf").write_text(text)

    def words(self, *words):
        return [RUNG, "--root", str(self.data), "--state", str(self.work / "state"), *map(str, words)]

    def popen(self, *words, **more):
        return subprocess.Popen(self.words(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env={**self.environment, **more.pop("env", {})}, **more)

    def __call__(self, *words, env=None, stdin="", check=False):
        done = subprocess.run(self.words(*words), input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S * 2,
                              env={**self.environment, **(env or {})}, check=False)
        result = Result(done.returncode, done.stdout, done.stderr)
        if check:
            assert result.status == 0, result
        return result

    def pull(self, *words, **more):
        return self("pull", "-q", *words, check=True, **more).output.strip()

    def names(self):
        index = json.loads((self.data / "images/index.json").read_text())
        return {entry.get("annotations", {}).get("org.opencontainers.image.ref.name"): entry["digest"]
                for entry in index["manifests"]}

    def blobs(self):
        return {f"sha256:{path.name}" for path in (self.data / "images/blobs/sha256").iterdir()}

    def parts(self):
        return {path.name: path.stat().st_size for path in (self.data / "images/ingest").iterdir()}

    def tree(self, diff_id):
        return self.data / "snapshots" / diff_id.split(":")[1] / "tree"


@pytest.fixture
def rung(tmp_path):
    rung = Rung(tmp_path)
    yield rung
    subprocess.run(["chmod", "-R", "u+rwX", str(tmp_path)], check=False, capture_output=True)


@pytest.fixture
def registry():
    with Registry() as registry:
        yield registry


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DebianRegistry:
    """Debian's docker-registry, unmodified."""

    def __init__(self, work, extra="", http=""):
        program = shutil.which("docker-registry")
        if not program:
            pytest.skip("no docker-registry")
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        config = pathlib.Path(work) / "registry.yml"
        config.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {work}/registry\n"
                          f"http:\n  addr: {self.host}\n{http}{extra}log:\n  level: error\n")
        self.process = subprocess.Popen([program, "serve", str(config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(self.listens, "docker-registry listens")

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def debian_registry(tmp_path):
    registry = DebianRegistry(tmp_path)
    yield registry
    registry.close()


def tool(*words, **more):
    """Another program of Debian's: skopeo, podman, openssl. Its absence is a skip, never a pass."""
    if not shutil.which(words[0]):
        pytest.skip(f"no {words[0]}")
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, check=True,
                          env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **more.pop("env", {})}, **more).stdout


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A CA, a server's certificate for 127.0.0.1, a client's."""
    work = tmp_path_factory.mktemp("ca")
    tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", work / "ca.key", "-out", work / "ca.crt", "-subj", "/CN=rung test CA")
    for name, extra in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        (work / f"{name}.ext").write_text(extra)
        tool("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", work / f"{name}.key", "-out", work / f"{name}.csr", "-subj", f"/CN={name}")
        tool("openssl", "x509", "-req", "-in", work / f"{name}.csr", "-CA", work / "ca.crt", "-CAkey", work / "ca.key",
             "-CAcreateserial", "-days", "2", "-out", work / f"{name}.crt", "-extfile", work / f"{name}.ext")
    return work
