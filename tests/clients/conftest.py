"""Fixtures for tests that drive unmodified container clients with our OCI runtime. See README.md."""

import contextlib
import os
import re
import shutil
import tempfile

import pytest

import busybox_image
from stage import Stage, Unavailable, sweep, wait_until

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Kept by clients for the life of the machine, whatever the runtime does. (dockerd deletes unmounted files in netns once a
# minute; a network namespace that lives on is still found, by its mount. podman makes and removes a pod's cgroup only in hierarchies
# with controllers; parents that the runtime had to make in the others stay.)
KEPT = re.compile(
    r"path /run/(containers/storage/|libpod/|containers/networks/|docker/(libnetwork|plugins|swarm|netns)/|mount|lock|crun$|runc$|rung$)"
    r"|mount \S+ (/run/netns|\S+/containers(/storage)?/overlay)$|cgroup /(systemd|unified)/libpod_parent/[0-9a-f]{64}$"
    r"|path /run/netns$|path /run/user/\d+/(libpod/tmp/|containers/|crun$|runc$|rung$)"
)


class Runtime:
    """The OCI runtime under test: `path` to give to clients, `real` the file behind it."""

    def __init__(self, real, ours):
        self.real = real
        self.ours = ours
        self.path = real
        # crun refuses the hybrid of v1 hierarchies and a v2 one; give a foreign crun what it can use.
        self.cgroup_view = "v1" if os.path.basename(os.path.realpath(real)) == "crun" else "host"

    def install(self, stage):
        """Put the runtime, or a script that notes each call, into the stage's bin directory, and remember its path."""
        name = "rung-oci" if self.ours else os.path.basename(self.real)
        self.path = f"{stage.work}/bin/{name}"
        trace = os.environ.get("CLIENTS_TRACE")
        if not trace:
            os.symlink(self.real, stage.path(self.path))
            return
        os.mkdir(stage.path(f"{stage.work}/bin/real"))
        os.symlink(self.real, stage.path(f"{stage.work}/bin/real/{name}"))
        stage.write(self.path, f'#!/bin/sh\nprintf "%s" "$$ " >>{trace}\nprintf "%s " "$@" >>{trace}\n'
                               f'echo >>{trace}\nexec {stage.work}/bin/real/{name} "$@"\n', 0o755)

    def under_name(self, stage, name):
        """Another path of the runtime in the stage, with the file name of another runtime."""
        path = f"{stage.work}/bin/{name}"
        if not os.path.lexists(stage.path(path)):
            os.symlink(self.real, stage.path(path))
        return path


@pytest.fixture(scope="session")
def runtime():
    foreign = os.environ.get("RUNG_OCI")
    real = os.path.abspath(foreign or os.environ.get("RUNG", f"{SOURCE}/build/rung"))
    if not os.access(real, os.X_OK):
        pytest.skip(f"no runtime at {real}; build rung, or set RUNG or RUNG_OCI")
    return Runtime(real, ours=not foreign)


@pytest.fixture(scope="session")
def image():
    """Path of the docker-archive made for this session."""
    if not os.access(busybox_image.BUSYBOX, os.X_OK):
        pytest.skip("busybox-static is not installed")
    sweep()
    with tempfile.TemporaryDirectory(prefix="rung-clients-image-") as directory:
        busybox_image.build(f"{directory}/busybox.tar")
        yield f"{directory}/busybox.tar"


@pytest.fixture(scope="module")
def new_stage(runtime, image):
    """A function that makes stages with the runtime and the image in them; the module's end takes them down."""
    stages = []

    def make(node, *programs):
        for program in programs:
            if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
                pytest.skip(f"{program} is not installed")
        try:
            stage = Stage(node, runtime.cgroup_view)
        except Unavailable as error:
            pytest.skip(str(error))
        stages.append(stage)
        runtime.install(stage)
        shutil.copy(image, stage.path(f"{stage.work}/busybox.tar"))
        return stage

    yield make
    for stage in reversed(stages):
        stage.close()


def leftovers(stage, before):
    return {thing for thing in stage.inventory() - before if not KEPT.match(thing)}


@pytest.fixture
def nothing_remains(client):
    """After the test the stage must again hold exactly what it held before: clients clean up late, so poll."""
    before = client.stage.inventory()
    yield
    try:
        wait_until(lambda: not leftovers(client.stage, before), "clean-up", 8)
    except AssertionError:
        left = sorted(leftovers(client.stage, before))
        client.reset()
        pytest.fail("left behind:\n  " + "\n  ".join(left))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the daemons' last words to the report of a failed test."""
    report = (yield).get_result()
    if not report.failed:
        return
    client = getattr(item, "funcargs", {}).get("client")
    if client is None:
        return
    for stage in getattr(client, "stages", [client.stage]):
        names = []
        with contextlib.suppress(OSError):  # the stage may be down by the time the last teardown fails
            names = sorted(os.listdir(stage.path(f"{stage.work}/log")))
        for name in names:
            words = [line for line in stage.log(name).splitlines() if "level=info" not in line and "shim disconnected" not in line]
            report.sections.append((f"{stage.node}: {name}", "\n".join(words[-30:])))
