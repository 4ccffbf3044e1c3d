"""What several attacks need."""

import hashlib
import pathlib
import shutil

from conftest import RUNTIME


def ways_to(victim):
    """How a link in an image may try to lead to a directory of the host."""
    return [str(victim), "../" * 40 + str(victim).lstrip("/")]


def install(container, program):
    """Puts the attacker into the image."""
    shutil.copy(program, container.rootfs / "bin/attacker")


def runtime_program():
    """The file that is the runtime."""
    return pathlib.Path(next(word for word in RUNTIME if not word.endswith("v1-view")))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def without_mount(container, *destinations):
    container.config["mounts"] = [one for one in container.config["mounts"] if one["destination"] not in destinations]


def refused_or_inside(container, result):
    """Both are defences; a runtime that refuses must leave nothing."""
    if result.status != 0:
        assert result.errors.strip(), "failed without a word"
        assert container.oci("state", container.id).status != 0, "failed, but the container exists"
