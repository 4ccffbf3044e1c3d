"""`rung push`: what arrives is what was pulled, whatever happens on the way."""

import gzip
import json
import socket
import subprocess
import tempfile
import time

import pytest
from conftest import ROOT
from registry_client import DebianRegistry, debian_registry, registry, rung, tool  # noqa: F401 (fixtures)
from registry_server import OCI_INDEX, OCI_MANIFEST, Registry, digest_of, image, layer, status

MOTD = {"etc/motd": b"hello\n"}


def pulled(rung, registry, tag="1", size=0, **more):
    digest = registry.add_image("app", tag, [layer(MOTD, size=size), layer({"b": b"b"})], **more)
    rung.pull(f"{registry.host}/app:{tag}")
    registry.requests.clear()
    return digest


def test_exactly_what_was_pulled(rung, registry, tmp_path):
    digest = pulled(rung, registry)
    with Registry() as other:
        done = rung("push", f"{registry.host}/app:1", f"{other.host}/team/app:2", f"--digestfile={tmp_path}/digest",
                    check=True)
        assert "Copying blob" in done.errors and "Writing manifest" in done.errors and not done.output
        assert (tmp_path / "digest").read_text() == digest
        assert other.manifests["team/app", "2"] == registry.manifests["app", "1"]
        assert other.blobs == registry.blobs
        other.requests.clear()
        rung("push", "-q", f"{registry.host}/app:1", f"docker://{other.host}/team/app:3", check=True)
        assert not other.asked("PUT", "/blobs/") and not other.asked("POST", "/blobs/")


def test_names_of_one_registry_share_blobs(rung, registry):
    digest = pulled(rung, registry)
    rung("push", "-q", f"{registry.host}/app:1", f"{registry.host}/other/copy:1", check=True)
    assert registry.manifests["other/copy", "1"] == registry.manifests["app", "1"]
    assert digest_of(registry.manifests["other/copy", "1"][1]) == digest
    mounted = [path for method, path, _ in registry.requests if method == "POST" and "mount=" in path]
    assert len(mounted) == 2 and all("from=app" in path for path in mounted)
    sent = [path for method, path, _ in registry.requests if method == "PUT" and "/uploads/" in path]
    assert len(sent) == 1  # the configuration, which no layer list names


def test_formats(rung, registry):
    pulled(rung, registry)
    rung("push", "-q", "--format=v2s2", f"{registry.host}/app:1", f"{registry.host}/app:docker", check=True)
    kind, data = registry.manifests["app", "docker"]
    manifest = json.loads(data)
    assert kind == manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert manifest["config"]["mediaType"] == "application/vnd.docker.container.image.v1+json"
    assert {entry["mediaType"] for entry in manifest["layers"]} == {"application/vnd.docker.image.rootfs.diff.tar.gzip"}
    rung.pull(f"{registry.host}/app:docker")
    rung("push", "-q", "--format=oci", f"{registry.host}/app:docker", f"{registry.host}/app:back", check=True)
    assert json.loads(registry.manifests["app", "back"][1]) == json.loads(registry.manifests["app", "1"][1])
    assert "unknown format" in rung("push", "--format=v1", f"{registry.host}/app:1").errors


def test_plain_layers_are_compressed(rung, registry):
    pulled(rung, registry, plain=True)
    for option, kind in ((), "gzip"), (("--compression-format=zstd",), "zstd"):
        rung("push", "-q", *option, f"{registry.host}/app:1", f"{registry.host}/app:{kind}", check=True)
        manifest = json.loads(registry.manifests["app", kind][1])
        assert {entry["mediaType"] for entry in manifest["layers"]} == {
            f"application/vnd.oci.image.layer.v1.tar+{kind}"}
        rung.pull(f"{registry.host}/app:{kind}")
    rung("push", "-q", "--compression-format=none", f"{registry.host}/app:1", f"{registry.host}/app:same", check=True)
    assert registry.manifests["app", "same"] == registry.manifests["app", "1"]
    done = rung("push", "--format=v2s2", f"{registry.host}/app:zstd")
    assert done.status == 125 and "zstd" in done.errors


def test_what_is_not_there(rung, registry):
    assert "no such image" in rung("push", f"{registry.host}/nothing:1").errors
    pulled(rung, registry)
    identity = rung("images", "-q", "--no-trunc", check=True).output.strip()
    done = rung("push", identity)
    assert done.status == 125 and "say where to push it" in done.errors
    rung("push", "-q", identity, f"{registry.host}/by/id:1", check=True)
    assert ("by/id", "1") in registry.manifests


# ---- a registry that fails -----------------------------------------------------------------------------------


def test_too_large_for_one_request_goes_in_parts(rung, registry):
    pulled(rung, registry, size=40_000_000)
    with Registry() as other:
        other.fault(r"/uploads/.*digest=", status(413), method="PUT")
        rung("push", "-q", f"{registry.host}/app:1", f"{other.host}/app:1", check=True)
        assert other.blobs == registry.blobs
        if len(other.asked("PATCH", "/uploads/")) < 2:
            # the small one met the fault first
            assert other.asked("PATCH", "/uploads/")


def test_a_broken_upload_goes_on(rung, registry):
    pulled(rung, registry, size=2_000_000)
    with Registry() as other:
        # Two blobs are under way, and libcurl itself goes on once where a used connection ends: the third is ours.
        other.fault(r"/uploads/.*digest=", method="PUT", times=3, early=1000)
        rung("push", "-q", f"{registry.host}/app:1", f"{other.host}/app:1", check=True)
        assert other.blobs == registry.blobs
        assert other.asked("GET", "/uploads/")


def test_a_registry_that_does_not_want_it(rung, registry):
    pulled(rung, registry)
    with Registry() as other:
        other.fault("/uploads/", status(403), times=99)
        done = rung("push", f"{registry.host}/app:1", f"{other.host}/app:1")
        assert done.status == 125 and "access denied" in done.errors
        assert not other.manifests


def test_push_wants_the_right_scope(rung, registry):
    pulled(rung, registry)
    with Registry(auth="token") as other:
        other.anonymous = True
        done = rung("push", f"{registry.host}/app:1", f"{other.host}/app:1")
        assert done.status == 125 and "unauthorized" in done.errors
        rung("push", "-q", "--creds=joe:se:cret", f"{registry.host}/app:1", f"{other.host}/app:1", check=True)
        assert other.manifests["app", "1"] == registry.manifests["app", "1"]


# ---- Debian's registry, and those who read what we wrote -------------------------------------------------------


def test_skopeo_and_podman_read_it(rung, registry, debian_registry, tmp_path):
    digest = pulled(rung, registry, size=1_000_000)
    name = f"{debian_registry.host}/team/app"
    rung("push", "-q", f"{registry.host}/app:1", f"{name}:oci", check=True)
    rung("push", "-q", "-f", "v2s2", f"{registry.host}/app:1", f"{name}:v2s2", check=True)
    assert json.loads(tool("skopeo", "inspect", "--tls-verify=false", f"docker://{name}:oci"))["Digest"] == digest
    tool("skopeo", "copy", "--src-tls-verify=false", "--preserve-digests", f"docker://{name}:v2s2", f"dir:{tmp_path}/dir")
    for entry in (tmp_path / "dir").iterdir():
        if len(entry.name) == 64:
            assert digest_of(entry.read_bytes()) == f"sha256:{entry.name}"
    with tempfile.TemporaryDirectory(prefix="rung-p") as podman:  # podman wants a short path
        try:
            identity = tool("podman", "--root", f"{podman}/r", "--runroot", f"{podman}/s", "--storage-driver=vfs",
                            "pull", "-q", "--tls-verify=false", f"{name}:oci").strip()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"podman cannot pull here: {error.stderr}")
        finally:
            if not ROOT:  # an ordinary user's podman leaves a process that holds its namespaces
                tool("podman", "--root", f"{podman}/r", "--runroot", f"{podman}/s", "--storage-driver=vfs", "system",
                     "migrate")
    assert f"sha256:{identity}" == json.loads(registry.manifests["app", "1"][1])["config"]["digest"]


def test_mount_and_password_with_debian_registry(rung, registry, tmp_path):
    pulled(rung, registry)
    tool("htpasswd", "-Bbc", tmp_path / "htpasswd", "joe", "secret")
    other = DebianRegistry(tmp_path, f"auth:\n  htpasswd:\n    realm: here\n    path: {tmp_path}/htpasswd\n")
    try:
        done = rung("push", f"{registry.host}/app:1", f"{other.host}/a:1")
        assert done.status == 125 and "unauthorized" in done.errors
        assert rung("login", "-u", "joe", "--password-stdin", other.host, stdin="wrong").status == 125
        rung("login", "-u", "joe", "--password-stdin", other.host, stdin="secret\n", check=True)
        rung("push", "-q", f"{registry.host}/app:1", f"{other.host}/a:1", check=True)
        rung.pull(f"{other.host}/a:1")
        rung("push", "-q", f"{other.host}/a:1", f"{other.host}/b:1", check=True)
        told = tool("skopeo", "inspect", "--tls-verify=false", "--creds=joe:secret", f"docker://{other.host}/b:1")
        assert json.loads(told)["Digest"] == digest_of(registry.manifests["app", "1"][1])
    finally:
        other.close()


def test_a_registry_that_refuses_mounts(rung, registry):
    pulled(rung, registry)
    registry.fault("mount=", status(403), times=9)
    rung("push", "-q", f"{registry.host}/app:1", f"{registry.host}/other/copy:1", check=True)
    assert registry.manifests["other/copy", "1"] == registry.manifests["app", "1"]


def test_a_bad_line_ends_nothing_as_long_as_it_moves(rung, registry):
    """More breaks than there are retries: each part that arrives makes up for those before."""
    pulled(rung, registry, size=52_000_000)
    with Registry() as other:
        broken = set()

        def the_first_time(handler):
            part = handler.headers["Content-Range"], handler.headers["Content-Length"]
            if part in broken:
                return False
            broken.add(part)
            raise ConnectionResetError

        other.fault(r"/uploads/.*digest=", status(413), method="PUT", times=2)
        other.fault("/uploads/", the_first_time, method="PATCH", times=99)
        rung("push", "-q", "--retry=1", f"{registry.host}/app:1", f"{other.host}/app:1", check=True)
        assert other.blobs == registry.blobs and len(broken) >= 4


def test_left_alone_as_long_as_it_wants(rung, registry):
    pulled(rung, registry)
    with Registry() as other:
        other.fault("/uploads/", status(429, Retry_After="2"), method="POST", times=9)
        began = time.monotonic()
        done = rung("push", "-q", "--retry=1", f"{registry.host}/app:1", f"{other.host}/app:1")
        assert done.status == 125 and "too many requests" in done.errors
        assert time.monotonic() - began >= 2


def test_layers_that_lie_elsewhere(rung, registry):
    """Windows' layers: their maker alone hands them out. Credentials are not shown to him, and nobody else gets them."""
    tar = layer(MOTD)
    data = gzip.compress(tar, 1, mtime=0)
    manifest, blobs = image([tar])
    with Registry() as maker, Registry(auth="basic") as private, Registry() as other:
        maker.add_blob("base", data)
        manifest = json.loads(manifest)
        manifest["layers"] = [{"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                               "digest": digest_of(data), "size": len(data),
                               "urls": [f"{maker.url}/v2/gone/blobs/{digest_of(data)}",
                                        f"{maker.url}/v2/base/blobs/{digest_of(data)}"]}]
        manifest = json.dumps(manifest).encode()
        private.add_blob("app", blobs[json.loads(manifest)["config"]["digest"]])
        private.add_manifest("app", "1", manifest)
        rung.pull("--creds=joe:se:cret", f"{private.host}/app:1")
        assert len(maker.asked("GET", "/blobs/")) == 2
        assert not any("Authorization" in headers for headers in maker.asked("GET", ""))
        rung("push", "-q", f"{private.host}/app:1", f"{other.host}/app:1", check=True)
        assert other.manifests["app", "1"][1] == manifest and digest_of(data) not in other.blobs


# ---- lists of manifests ------------------------------------------------------------------------------------------


def test_a_list_is_made_and_pushed(rung, registry):
    digests = {}
    for architecture in ("amd64", "arm64"):
        manifest, blobs = image([layer({"arch": architecture.encode()})], architecture=architecture)
        for data in blobs.values():
            registry.add_blob("app", data)
        digests[architecture] = registry.add_manifest("app", architecture, manifest)
    rung.pull("--platform=linux/amd64", f"{registry.host}/app:amd64")
    rung("manifest", "create", "list:1", f"{registry.host}/app:amd64", check=True)
    assert rung("manifest", "exists", "list:1").status == 0
    assert rung("manifest", "exists", "nothing").status == 1
    rung("manifest", "add", "list:1", f"docker://{registry.host}/app:arm64", check=True)
    rung("manifest", "annotate", "--variant=v8", "--annotation=a=b", "list:1", digests["arm64"], check=True)
    told = json.loads(rung("manifest", "inspect", "list:1", check=True).output)
    assert {(entry["digest"], entry["platform"]["architecture"]) for entry in told["manifests"]} == {
        (digest, architecture) for architecture, digest in digests.items()}
    arm = next(entry for entry in told["manifests"] if entry["digest"] == digests["arm64"])
    assert arm["platform"]["variant"] == "v8" and arm["annotations"] == {"a": "b"}
    with Registry() as other:
        rung("manifest", "push", "--all", "list:1", f"{other.host}/app:all", check=True)
        kind, data = other.manifests["app", "all"]
        assert kind == OCI_INDEX
        assert {entry["digest"] for entry in json.loads(data)["manifests"]} == set(digests.values())
        for digest in digests.values():
            assert ("app", digest) in other.manifests
        rung.pull("--platform=linux/arm64", f"{other.host}/app:all")
        assert digest_of(data) == json.loads(json.dumps({"d": digest_of(data)}))["d"]
        assert json.loads(rung("manifest", "inspect", f"{other.host}/app:all", check=True).output)["manifests"]
    rung("manifest", "remove", "list:1", digests["arm64"], check=True)
    assert len(json.loads(rung("manifest", "inspect", "list:1", check=True).output)["manifests"]) == 1
    assert rung("manifest", "create", "list:1").status == 125
    rung("manifest", "rm", "list:1", check=True)
    assert rung("manifest", "exists", "list:1").status == 1


def test_what_is_said_of_images_goes_along(rung, registry):
    """An index of BuildKit's: the attestation in it is no image, and belongs to the list."""
    statement = b'{"_type":"https://in-toto.io/Statement/v0.1"}' + b" " * (5 << 20)  # longer than documents may be
    entries = []
    for layers, architecture, kind in (([layer(MOTD)], "amd64", None), ([statement], "unknown", "application/vnd.in-toto+json")):
        manifest, blobs = image(layers, architecture=architecture, plain=bool(kind))
        if kind:
            manifest = manifest.replace(b"application/vnd.oci.image.layer.v1.tar", kind.encode())
        for data in blobs.values():
            registry.add_blob("app", data)
        entries.append({"mediaType": OCI_MANIFEST, "digest": registry.add_manifest("app", architecture, manifest),
                        "size": len(manifest), "platform": {"architecture": architecture,
                                                            "os": "unknown" if kind else "linux"}})
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    registry.add_manifest("app", "1", index, OCI_INDEX)
    rung("manifest", "create", "--all", "list:1", f"docker://{registry.host}/app:1", check=True)
    with Registry() as other:
        rung("manifest", "push", "--all", "list:1", f"{other.host}/app:1", check=True)
        assert other.blobs == registry.blobs
        assert {digest for _, digest in other.manifests if ":" in digest} >= {entry["digest"] for entry in entries}
    done = rung("pull", "--platform=unknown/unknown", f"{registry.host}/app:1")
    assert done.status == 125 and "artifact of type application/vnd.in-toto+json" in done.errors
