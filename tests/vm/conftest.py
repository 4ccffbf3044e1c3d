"""Fixtures: one machine a session, one runtime a test. RUNG_OCI=crun or =runc drives Debian's instead of ours."""

import os
import pathlib
import shutil
import sys

sys.path.insert(0, os.path.dirname(__file__))

import pytest

import image
import machine
import oci

TREE = pathlib.Path(__file__).resolve().parents[2]


def pytest_configure(config):
    config.addinivalue_line("markers", "lacks(crun=reason, runc=reason): what Debian's crun 1.8 or runc 1.1 cannot do")


class Program:
    """The runtime under test: what to copy into the guest, and its path there."""

    def __init__(self):
        self.foreign = os.environ.get("RUNG_OCI")
        self.path = f"/usr/bin/{os.path.basename(self.foreign)}" if self.foreign else "/run/oci/rung-oci"
        self.name = os.path.basename(self.path)
        self.files = {} if self.foreign else self.own_files()

    @staticmethod
    def own_files():
        """rung, and beside it what it starts."""
        rung = pathlib.Path(os.environ.get("RUNG", TREE / "build/rung"))
        places = {"rung-monitor": "monitor/rung-monitor", "rung-init": "rung-init"}
        return {"rung": rung, **{name: rung.parent / "src/programs" / place for name, place in places.items()}}


@pytest.fixture(scope="session")
def program():
    program = Program()
    for path in program.files.values():
        if not os.access(path, os.X_OK):
            pytest.skip(f"there is no {path}: build rung, or set RUNG")
    return program


def boot(program, *kernel_arguments):
    lacking = image.missing_tools()
    if not shutil.which("qemu-system-x86_64"):
        lacking.append("qemu-system-x86_64 (package qemu-system-x86)")
    if lacking:
        pytest.skip("missing: " + ", ".join(lacking))
    vm = machine.Machine(program.files, kernel_arguments)
    vm.check("mkdir -p /run/oci && ln -s /input/rung /run/oci/rung-oci")
    return vm


@pytest.fixture(scope="session")
def vm(program):
    """A machine with cgroup v2 alone."""
    vm = boot(program)
    yield vm
    vm.stop()


@pytest.fixture(autouse=True)
def skip_what_debians_lack(request, program):
    for mark in request.node.iter_markers("lacks"):
        if program.name in mark.kwargs:
            pytest.skip(f"{program.name} {mark.kwargs[program.name]}")


def is_leftover(thing):
    """Slices stay until systemd drops them; sessions, services and runtime directories of users come and go by themselves."""
    last = thing.rsplit("/", 1)[1]
    if thing.startswith("mount /run/user/") or last.startswith("session-"):
        return False
    return not last.endswith((".slice", ".service", ".socket", "init.scope"))


@pytest.fixture(scope="session")
def known(vm):
    """Cgroups, mounts and state directories that are there between tests."""
    return set(vm.check(oci.INVENTORY).splitlines())


@pytest.fixture
def runtimes(vm, program, known):
    """A function (*options, user=None) that returns a Runtime. Afterwards containers, cgroups and mounts must be gone."""
    made = []

    def make(*options, user=None):
        runtime = oci.Runtime(vm, program.path, user, options)
        made.append(runtime)
        return runtime

    yield make
    left = set()
    for runtime in made if vm.qemu else []:
        left.update(runtime.clean())
    left = {thing for thing in left - known if "/" not in thing or is_leftover(thing)}
    known.update(left)  # one test fails for it, not all that follow
    assert not left, "left behind: " + " ".join(sorted(left))


@pytest.fixture
def runtime(runtimes):
    """As root, writing cgroup files itself."""
    return runtimes()


@pytest.fixture
def systemd(runtimes):
    """As root, asking systemd."""
    return runtimes("--systemd-cgroup")
