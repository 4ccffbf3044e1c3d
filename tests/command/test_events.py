"""`rung events`: what happened, and what happens; the bus is a file that nobody guards."""

import json
import re
import subprocess

from conftest import LIVE, only_rung, wait_until
from living import rung  # noqa: F401
from test_ps import as_name

pytestmark = only_rung


def past(rung, *words):
    return [json.loads(line) for line in
            rung.output("events", "--since", "1h", "--stream=false", "--format", "json", *words).splitlines()]


def actions(rung, *words):
    return [event["Action"] for event in past(rung, *words)]


def test_a_life(rung):
    identity = rung.output("create", "--name", "web", "-l", "role=front", rung.tree, "sh", "-c", "exit 4")
    rung("start", "-a", "web")
    rung("rm", "web", check=0)
    seen = actions(rung)
    assert [one for one in seen if one in ("create", "start", "die")] == ["create", "start", "die"]
    assert seen[-1] in ("remove", "destroy")
    die, = past(rung, "-f", "event=die")
    assert die["id"] == identity == die["Actor"]["ID"] and die["Type"] == "container"
    assert die["Actor"]["Attributes"]["name"] == "web" and die["Actor"]["Attributes"]["exitCode"] == "4"
    assert die["Actor"]["Attributes"]["role"] == "front"
    assert die["timeNano"] // 10**9 == die["time"]


def test_filters(rung):
    # No hexadecimal digits: a name that is the beginning of the other's id would be found as well.
    for name, label in (("one", "x=1"), ("two", "x=2")):
        rung("create", "--name", name, "-l", label, rung.tree, "true", check=0)
    assert actions(rung, "-f", "container=one") == ["create"]
    assert len(past(rung, "-f", "container=one", "-f", "container=two")) == 2
    assert [event["Actor"]["Attributes"]["name"] for event in past(rung, "-f", "label=x=2")] == ["two"]
    assert past(rung, "-f", "label=x", "-f", "label=y") == [] and past(rung, "-f", "type=image") == []
    assert past(rung, "-f", "event=start") == [] and len(past(rung, "-f", "event=create")) == 2
    rung.refused("events", "-f", "planet=mars", "--until", "0s", saying="no such filter")
    rung.refused("events", "--since", "yesterday", saying="not a time")


def test_lines(rung):
    rung("create", "--name", "a", rung.tree, "true", check=0)
    line = rung.output("events", "--until", "0s")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\S+ container create [0-9a-f]{64} \(image=, name=a\)", line)
    assert rung.output("events", "--until", "0s", "--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}") \
        == "container create a"
    podman = as_name(rung, "podman")("events", "--until", "0s", "--format", "json")
    assert json.loads(podman.stdout)["Status"] == "create" and json.loads(podman.stdout)["Name"] == "a"


def test_what_comes(rung):
    with subprocess.Popen(rung.words("events", "--format", "{{.Actor.Attributes.name}} {{.Action}}"), stdout=subprocess.PIPE,
                          text=True) as watcher:
        LIVE[watcher.pid] = watcher
        try:
            # It is listening when it has opened the directory.
            wait_until(lambda: "inotify" in open(f"/proc/{watcher.pid}/maps").read() or any(
                "inotify" in line for line in subprocess.run(["ls", "-l", f"/proc/{watcher.pid}/fd"], capture_output=True,
                                                             text=True, check=False).stdout.splitlines()), "it listens")
            rung("run", "--name", "a", rung.tree, "true", check=0)
            seen = [watcher.stdout.readline().strip() for _ in range(3)]
            assert seen == ["a create", "a start", "a die"]
        finally:
            watcher.kill()
            LIVE.pop(watcher.pid, None)


def test_a_broken_line_hides_nothing_else(rung):
    rung("create", "--name", "a", rung.tree, "true", check=0)
    with open(rung.data / "events.log", "ab") as log:
        log.write(b'{"time":12,"type":"conta\n\xff\xfe\n[]\n{}\n')
    rung("create", "--name", "b", rung.tree, "true", check=0)
    assert [event["Actor"]["Attributes"]["name"] for event in past(rung)] == ["a", "b"]


def test_a_full_file_makes_room(rung):
    rung("create", "--name", "a", rung.tree, "true", check=0)
    log = rung.data / "events.log"
    with open(log, "ab") as file:
        file.write((b" " * 1023 + b"\n") * 1024)
    rung("create", "--name", "b", rung.tree, "true", check=0)
    rung("create", "--name", "c", rung.tree, "true", check=0)
    assert log.stat().st_size < 4096 and (rung.data / "events.log.1").stat().st_size > 1 << 20
    assert [event["Actor"]["Attributes"]["name"] for event in past(rung)] == ["a", "b", "c"]
