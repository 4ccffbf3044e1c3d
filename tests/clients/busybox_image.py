"""Build, without a network, the one image that every client test uses: a docker-archive of Debian's static busybox.

In: /bin/busybox of the package busybox-static. Out: a tar file that `docker load`, `podman load`, `buildah from
docker-archive:` and `ctr image import` all accept. Plain 2.2 MB, one layer.
"""

import hashlib
import io
import json
import os
import subprocess
import tarfile

BUSYBOX = "/bin/busybox"
NAME = "localhost/busybox:test"


def _member(name, kind=tarfile.REGTYPE, mode=0o755, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    return info


def _text(tar, name, text, mode=0o644):
    info = _member(name, mode=mode)
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text))


def _layer():
    applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for directory in ("bin", "dev", "etc", "home", "proc", "root", "run", "sys", "var"):
            tar.addfile(_member(directory, tarfile.DIRTYPE))
        tar.addfile(_member("tmp", tarfile.DIRTYPE, 0o1777))
        info = _member("bin/busybox")
        info.size = os.path.getsize(BUSYBOX)
        with open(BUSYBOX, "rb") as file:
            tar.addfile(info, file)
        for applet in applets:
            if applet != "busybox":
                tar.addfile(_member(f"bin/{applet}", tarfile.SYMTYPE, 0o777, "busybox"))
        _text(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nguest:x:1234:1234::/home:/bin/sh\n")
        _text(tar, "etc/group", b"root:x:0:\nguest:x:1234:\nextra:x:4321:guest\n")
    return buffer.getvalue()


def build(path):
    """Write the archive to path."""
    layer = _layer()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64"), "os": "linux",
        "created": "2024-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/bin", "FROM_IMAGE=yes"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "busybox-static"}],
    }).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [NAME], "Layers": [f"{digest}/layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        _text(tar, config_name, config)
        _text(tar, f"{digest}/layer.tar", layer)
        _text(tar, "manifest.json", manifest)
