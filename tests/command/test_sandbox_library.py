"""librung-sandbox: the documented example is built against it and run."""

import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import RUNTIME, only_rung
from sandboxes import sandbox  # noqa: F401

pytestmark = only_rung

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
LIBRARY = pathlib.Path(RUNTIME[0]).parent / "src/library/librung-sandbox.a"

if not LIBRARY.exists() or not shutil.which("cc") or not (TREE / "docs/examples").is_dir():
    pytest.skip("the library, its example or a compiler is not here", allow_module_level=True)


@pytest.fixture
def count(sandbox):
    program = sandbox.work / "count"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", f"-I{TREE / 'src/library'}", TREE / "docs/examples/sandbox-child.c", LIBRARY,
                    "-o", program], check=True)
    environment = {**sandbox.environment, "PATH": f"{os.path.dirname(RUNTIME[0])}:{sandbox.environment['PATH']}"}

    def run(*words, **more):
        return subprocess.run([program, *map(str, words)], env={**environment, **more}, capture_output=True, text=True,
                              timeout=60, check=False)

    return run


def test_the_example_counts(sandbox, count):
    (sandbox.work / "words").write_text("one two three\n")
    done = count(sandbox.work / "words")
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "3", "")


def test_without_rung(sandbox, count):
    (sandbox.work / "words").write_text("one")
    done = count(sandbox.work / "words", PATH="/nowhere")
    assert done.returncode == 125 and "No such file" in done.stderr
