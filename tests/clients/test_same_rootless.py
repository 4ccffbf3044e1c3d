"""The same command lines to Podman and to rung, both of an ordinary user: see test_same_answers.py."""

import os

import pytest

import same_lines
from podman_client import Podman
from test_podman_rootless import add_user
from test_same_answers import Both, read

pytestmark = pytest.mark.usefixtures("nothing_remains")


@pytest.fixture(scope="module")
def client(new_stage, runtime):
    if not runtime.ours:
        pytest.skip("compares rung's engine, whatever the runtime")
    stage = new_stage("same-rootless", "podman", "conmon", "newuidmap", "useradd")
    if stage.run("test", "-x", os.path.realpath(runtime.real), status=None, user="nobody").status != 0:
        pytest.skip(f"{runtime.real} is out of reach for ordinary users")
    return Podman(stage, runtime, "mole", add_user(stage, "mole", 4100, ranges=True))


def test_podman(client, runtime):
    lines = [line for line in read(same_lines.PODMAN_FLAGS) if same_lines.asked_of_users(line[0])]
    Both(client, runtime, "podman", **client.as_user).compare(same_lines.PODMAN_SETUP, lines)
