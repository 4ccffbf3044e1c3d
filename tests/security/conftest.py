"""Fixtures of tests/command, and a program that attacks.

Each test here writes an attack for real. Where it was seen to fail on another runtime, that stands beside it.
"""

import os
import pathlib
import subprocess
import tempfile

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent
COMMAND = FOLDER.parent / "command/conftest.py"

# The very same names, so that `from conftest import ...` works in both folders even within one session.
exec(compile(COMMAND.read_text(encoding="utf-8").replace("__file__", repr(str(COMMAND))), str(COMMAND), "exec"))


@pytest.fixture(scope="session")
def attacker():
    """The attacking program, static: it runs in any root."""
    with tempfile.TemporaryDirectory(prefix="rung-attacker-") as directory:
        program = pathlib.Path(directory) / "attacker"
        subprocess.run(["cc", "-std=gnu17", "-O1", "-static", "-o", program, FOLDER / "attacker.c"], check=True)
        pathlib.Path(directory).chmod(0o755)
        yield program


@pytest.fixture
def victim(work):
    """A directory of the host that no container was given; whatever appears in it, or is read from it, escaped."""
    path = work / "victim"
    path.mkdir()
    (path / "secret").write_text("secret of the host\n", encoding="utf-8")
    path.chmod(0o755)
    yield path
    assert sorted(os.listdir(path)) == ["secret"], f"made on the host: {os.listdir(path)}"
    assert (path / "secret").read_text(encoding="utf-8") == "secret of the host\n", "written on the host"

