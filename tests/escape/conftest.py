"""The attacker, built once; and what each attempt does without a wall, tried once."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from world import ATTEMPTS, ROOT, World, build, without_wall  # noqa: E402 (its path is set just above)

RUNG = os.path.abspath(os.environ.get("RUNG", HERE.parent.parent / "build/rung"))


@pytest.fixture(scope="session")
def program():
    """Where every sandbox of these tests may run programs, and only there."""
    with tempfile.TemporaryDirectory(prefix="rung-escaping-") as directory:
        yield build(directory)


@pytest.fixture(scope="session")
def display():
    """The number of a real X server, "" where there is none to be had."""
    if not shutil.which("Xvfb"):
        yield ""
        return
    reading, writing = os.pipe()
    with subprocess.Popen(["Xvfb", "-displayfd", str(writing), "-nolisten", "tcp", "-screen", "0", "64x64x24"],
                          pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with open(reading, encoding="ascii") as number:
            yield number.readline().strip()
        server.terminate()


@pytest.fixture(scope="session")
def open_field(program, display):
    """What comes of an attempt where nothing stands in its way."""

    @functools.cache
    def attack(name):
        with World(program, display) as world:
            return world.attack(ATTEMPTS[name], without_wall)

    return attack


@pytest.fixture
def behind(program, display, open_field):
    """Attempts behind a wall must fail; one that fails everywhere proves nothing, and is skipped."""

    def attack(name, wall):
        with World(program, display) as world:
            verdict = world.attack(ATTEMPTS[name], wall)
        assert verdict.word != "escaped", f"{ATTEMPTS[name].what}: {verdict}"
        if open_field(name).word != "escaped":
            pytest.skip(f"it fails without a wall too: {open_field(name)}")
        return verdict

    return attack


def possible_here(name):
    """Whether it must succeed without a wall."""
    return ROOT or "root" not in ATTEMPTS[name].needs
