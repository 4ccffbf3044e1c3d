"""Health checks: run by the monitor, with Docker's rules."""

import json
import time

import pytest
from conftest import only_rung, wait_until
from living import rung  # noqa: F401

pytestmark = only_rung

SOON = ["--health-interval", "200ms"]


def health(rung, name="a"):
    return json.loads(rung.output("inspect", "--format", "{{json .State.Health}}", name))


def is_now(rung, status, name="a"):
    wait_until(lambda: health(rung, name)["Status"] == status, f"{name} is {status}")


def start(rung, *options, name="a"):
    return rung.start("--name", name, *options, rung.tree, "sleep", "1000")


def test_from_starting_to_healthy_and_back(rung):
    start(rung, *SOON, "--health-cmd", "echo looked; test -e /ok", "--health-retries", "2")
    assert "(health: starting)" in rung.output("ps", "--format", "{{.Status}}")
    is_now(rung, "unhealthy")
    now = health(rung)
    assert now["FailingStreak"] >= 2 and now["Log"][-1]["ExitCode"] == 1 and now["Log"][-1]["Output"] == "looked\n"
    rung("exec", "a", "touch", "/ok", check=0)
    is_now(rung, "healthy")
    assert health(rung)["FailingStreak"] == 0 and len(health(rung)["Log"]) <= 5
    assert "(healthy)" in rung.output("ps", "--format", "{{.Status}}")
    events = rung.output("events", "--since", "5m", "--until", "0s")
    assert events.count("health_status") == 2 and events.index("unhealthy") < events.index("status: healthy")


def test_start_period(rung):
    start(rung, *SOON, "--health-cmd", "false", "--health-retries", "1", "--health-start-period", "1h")
    wait_until(lambda: len(health(rung)["Log"]) >= 2, "it was asked twice")
    assert health(rung)["Status"] == "starting" and health(rung)["FailingStreak"] == 0


def test_timeout(rung):
    start(rung, *SOON, "--health-cmd", "sleep 1000", "--health-timeout", "300ms", "--health-retries", "1")
    is_now(rung, "unhealthy")
    last = health(rung)["Log"][-1]
    assert last["ExitCode"] == -1 and "exceeded timeout" in last["Output"]


@pytest.mark.parametrize("action", ["kill", "stop"])
def test_on_failure(rung, action):
    start(rung, *SOON, "--health-cmd", "false", "--health-retries", "1", "--health-on-failure", action, "--stop-timeout", "0")
    rung.wait_for("a", "exited")
    assert rung.exit_code("a") == 137


def test_restart_on_failure(rung):
    rung.start("--name", "a", *SOON, "--health-cmd", "false", "--health-retries", "1", "--health-on-failure", "restart",
               "--stop-timeout", "0", rung.tree, "sh", "-c", "echo started; sleep 1000")
    wait_until(lambda: rung("logs", "a").output.count("started") >= 2, "it was started again", 60)


def test_asked_by_a_person(rung):
    start(rung, "--health-cmd", "test -e /ok", "--health-interval", "1h")
    result = rung("healthcheck", "run", "a")
    assert result.status == 1 and result.output == "unhealthy\n"
    rung("exec", "a", "touch", "/ok", check=0)
    result = rung("healthcheck", "run", "a")
    assert result.status == 0 and result.output == "" and health(rung)["Status"] == "healthy"
    rung("stop", "-t", "0", "a", check=0)
    rung.refused("healthcheck", "run", "a", saying="not running")
    rung("start", "a", check=0)
    assert health(rung)["Status"] == "starting", "what is known is of the earlier life"


def test_none(rung):
    start(rung)
    rung.refused("healthcheck", "run", "a", saying="no defined healthcheck")


def test_from_the_image(rung):
    image = rung.image("tiny:1", "HEALTHCHECK --interval=200ms CMD test -e /ok")
    rung.start("--name", "a", image, "sleep", "1000")
    wait_until(lambda: health(rung)["FailingStreak"] >= 1, "the image's check fails")
    rung("exec", "a", "touch", "/ok", check=0)
    is_now(rung, "healthy")
    rung.start("--name", "b", "--no-healthcheck", image, "sleep", "1000")
    rung.refused("healthcheck", "run", "b", saying="no defined healthcheck")


def test_a_check_under_way_ends_with_the_container(rung):
    start(rung, *SOON, "--health-cmd", "sleep 1000", "--health-timeout", "1h")
    time.sleep(0.6)
    rung("rm", "-f", "a", check=0)
