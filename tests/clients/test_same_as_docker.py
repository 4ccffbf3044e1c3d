"""The same command lines to Debian's Docker and to rung under the name `docker`: see test_same_answers.py."""

import pytest

import same_lines
from test_docker import Docker
from test_same_answers import Both

pytestmark = pytest.mark.usefixtures("nothing_remains")


class Client(Docker):
    def reset(self):
        names = self("ps", "-aq").output.split()
        if names:
            self("rm", "-f", "-v", *names)


@pytest.fixture(scope="module")
def client(new_stage, runtime):
    if not runtime.ours:
        pytest.skip("compares rung's engine, whatever the runtime")
    return Client(new_stage("same-docker", "dockerd", "docker", "containerd"), runtime)


def test_docker(client, runtime):
    Both(client, runtime, "docker").compare(same_lines.DOCKER_SETUP, same_lines.DOCKER)
