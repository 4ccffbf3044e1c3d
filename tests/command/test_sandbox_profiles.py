"""The shipped profiles: each can be used on this machine, and grants what it says."""

import os
import pathlib

import pytest
from conftest import RUNTIME, only_rung
from sandboxes import sandbox  # noqa: F401

pytestmark = only_rung

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
NAMES = sorted(path.stem for path in (TREE / "data/profiles").glob("*.profile"))


def test_there_are_many():
    assert len(NAMES) >= 60


@pytest.mark.parametrize("name", NAMES)
def test_can_be_used(sandbox, name):
    project = sandbox.home / "project"
    project.mkdir()
    result = sandbox("explain", f"--profile={name}", "true", cwd=project)
    assert result.status == 0, result
    # No profile gives the whole home directory.
    assert f"\n              {sandbox.home} " not in result.output


def test_by_the_programs_name(sandbox):
    project = sandbox.home / "project"
    (project / ".git").mkdir(parents=True)
    result = sandbox("--profile=auto", "git", "init", "-q", ".", cwd=project)
    assert result.status == 0 and (project / ".git/HEAD").exists(), result
    sandbox.refused("--profile=auto", "true", saying="there is no profile for true")
    sandbox.refused("--profile=nothing-like-it", "true", saying="nothing-like-it")


def test_a_profile_of_ones_own(sandbox):
    assert os.path.exists(RUNTIME[0])
    directory = sandbox.home / ".config/rung/profiles"
    directory.mkdir(parents=True)
    (sandbox.home / "data").mkdir()
    (sandbox.home / "data/file").write_text("text")
    (directory / "mine.profile").write_text("# mine\nprogram cat\nallow read=~/data\n")
    assert sandbox.output("--profile=mine", "cat", sandbox.home / "data/file") == "text"
    assert sandbox("cat", sandbox.home / "data/file").status == 1
    (directory / "mine.profile").write_text("allow reed=~/data\n")
    sandbox.refused("--profile=mine", "true", saying="mine.profile:1")
