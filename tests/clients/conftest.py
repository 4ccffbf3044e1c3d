"""Fixtures for tests that drive unmodified container clients with our OCI runtime. See README.md."""

import contextlib
import os
import shutil
import tempfile

import pytest

import busybox_image
from leftovers import inventory, stages_of
from stage import Stage, Unavailable, sweep, wait_until

pytest.register_assert_rewrite("common")  # cases live there too
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

class Runtime:
    """The OCI runtime under test: `real` is its file, `ours` tells whether it is rung."""

    def __init__(self, real, ours):
        self.real = real
        self.ours = ours
        # crun refuses the hybrid of v1 hierarchies and a v2 one; give a foreign crun what it can use.
        self.cgroup_view = "v1" if os.path.basename(os.path.realpath(real)) == "crun" else "host"

    def install(self, stage):
        """Put the runtime, or a script that notes each call, into the stage; clients get its path, stage.runtime."""
        name = "rung-oci" if self.ours else os.path.basename(self.real)
        stage.runtime = f"{stage.work}/bin/{name}"
        trace = os.environ.get("CLIENTS_TRACE")
        if not trace:
            os.symlink(self.real, stage.path(stage.runtime))
            return
        with open(trace, "a"):
            os.chmod(trace, 0o666)  # an ordinary user writes there too
        os.mkdir(stage.path(f"{stage.work}/bin/real"))
        os.symlink(self.real, stage.path(f"{stage.work}/bin/real/{name}"))
        stage.write(stage.runtime, f'#!/bin/sh\nprintf "%s" "$$ " >>{trace}\nprintf "%s " "$@" >>{trace}\n'
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


@pytest.fixture
def nothing_remains(client):
    """After the test the stage must again hold exactly what it held before: clients clean up late, so poll."""
    before = inventory(client)
    yield
    try:
        wait_until(lambda: inventory(client) <= before, "clean-up", 8)
    except AssertionError:
        left = sorted(inventory(client) - before)
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
    for stage in stages_of(client):
        names = []
        with contextlib.suppress(OSError):  # the stage may be down by the time the last teardown fails
            names = sorted(os.listdir(stage.path(f"{stage.work}/log")))
        for name in names:
            words = [line for line in stage.log(name).splitlines() if "level=info" not in line and "shim disconnected" not in line]
            report.sections.append((f"{stage.node}: {name}", "\n".join(words[-30:])))
