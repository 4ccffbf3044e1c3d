"""Hooks: six kinds, their order, where they run, what they read, and what happens when they fail or hang."""

import json
import os
import time

import pytest

from conftest import NAME, OURS, lacking, needs_root, only_rung

KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


def shared(container):
    """A directory that the container sees under the same path, once share() was called."""
    path = container.work / "shared"
    path.mkdir(exist_ok=True)
    return path


def script(container, text):
    """A hook program in the shared directory."""
    path = shared(container) / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def note(container, kind):
    """A hook that adds its name to a log on the host (the container gets the directory mounted)."""
    log = shared(container) / "log"
    log.touch()
    log.chmod(0o666)
    return {"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind} >> {log}"]}


def share(container):
    container.bind(shared(container), str(shared(container)))


def log_of(container):
    return (shared(container) / "log").read_text(encoding="utf-8").split()


def add(container, kind, *hooks):
    container.config.setdefault("hooks", {}).setdefault(kind, []).extend(hooks)


@lacking("crun", "runc")
def test_order(container):
    share(container)
    for kind in KINDS:
        add(container, kind, note(container, f"{kind}-1"), note(container, f"{kind}-2"))
    container.create("sh", "-c", f"echo program >> {shared(container)}/log")
    assert log_of(container) == [f"{kind}-{n}" for kind in KINDS[:3] for n in (1, 2)]
    container.oci("start", container.id, check=0)
    container.wait_stopped()
    container.delete()
    assert [word for word in log_of(container) if word != "program"] == [f"{kind}-{n}" for kind in KINDS
                                                                         for n in (1, 2)]
    assert log_of(container).index("startContainer-2") < log_of(container).index("program")


@lacking("runc")
def test_run_does_them_all(container):
    share(container)
    for kind in KINDS:
        add(container, kind, note(container, kind))
    container.run("true", check=0)
    assert log_of(container) == KINDS


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer", "startContainer", "poststart",
                                  "poststop"])
def test_state_on_input(container, kind):
    if NAME == "crun" and kind in ("createContainer", "startContainer"):
        pytest.skip("crun gives them a made-up state")
    share(container)
    add(container, kind, {"path": script(container, f"cat > {shared(container)}/state-{kind}")})
    container.config["annotations"] = {"a": "b"}
    container.run("true", check=0)
    state = json.loads((shared(container) / f"state-{kind}").read_text(encoding="utf-8"))
    assert state["id"] == container.id
    assert state["bundle"] == str(container.bundle)
    assert state["annotations"]["a"] == "b"
    if kind != "poststop":
        assert state["pid"] > 0
    if OURS:
        wanted = {"poststart": ("running", "stopped"), "poststop": ("stopped",)}.get(kind, ("creating", "created"))
        assert state["status"] in wanted


@pytest.mark.parametrize("kind,own", [("prestart", True), ("createRuntime", True), ("createContainer", False),
                                      ("startContainer", False), ("poststart", True), ("poststop", True)])
def test_where_they_run(container, kind, own):
    if NAME == "crun":
        pytest.skip("crun is started in a mount namespace of its own here")
    share(container)
    add(container, kind, {"path": script(container, f"readlink /proc/self/ns/mnt > {shared(container)}/where; "
                                                    f"ls /bin/busybox /etc/debian_version >> {shared(container)}/where "
                                                    "2>/dev/null; true")})
    container.run("true", check=0)
    lines = (shared(container) / "where").read_text(encoding="utf-8").splitlines()
    assert (lines[0] == os.readlink("/proc/self/ns/mnt")) == own
    # createContainer: the container's namespaces, but the runtime's root
    assert ("/etc/debian_version" in lines) == (kind != "startContainer")


def test_arguments_and_environment(container):
    add(container, "createRuntime", {
        "path": script(container, f'echo "$0|$1|$2|$OWN|$OTHER" > {shared(container)}/out; env >> {shared(container)}/out'),
        "args": ["ignored", "one", "two words"], "env": ["OWN=value", "PATH=/bin"]})
    container.run("true", check=0, env={**os.environ, "OTHER": "leaked"})
    lines = (shared(container) / "out").read_text(encoding="utf-8").splitlines()
    assert lines[0].split("|")[1:] == ["one", "two words", "value", ""]
    assert not any("leaked" in line for line in lines)


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_failure_stops_the_creation(container, kind):
    add(container, kind, {"path": "/bin/false"})
    container.fails("true", saying=kind)


def test_failure_of_create_container_leaves_nothing(container):
    add(container, "createContainer", {"path": "/bin/false"})
    container.write()
    assert container.oci("create", "--bundle", container.bundle, container.id).status != 0
    assert container.oci("state", container.id).status != 0


def test_failure_of_start_container(container):
    add(container, "startContainer", {"path": "/bin/false"})
    container.process["args"] = ["sh", "-c", "echo ran"]
    container.create()
    container.oci("start", container.id)
    container.wait_stopped()
    assert container.output() == ""


def test_failure_of_poststop_is_only_a_warning(container):
    add(container, "poststop", {"path": "/bin/false"}, note(container, "second"))
    container.run("true")
    assert container.oci("state", container.id).status != 0
    if OURS:
        assert log_of(container) == ["second"]


def test_missing_program(container):
    add(container, "createRuntime", {"path": "/no/such/hook"})
    container.fails("true", saying="/no/such/hook")


def test_timeout(container):
    add(container, "createRuntime", {"path": script(container, "exec sleep 1000"), "timeout": 1})
    began = time.monotonic()
    container.fails("true", saying="createRuntime")
    assert time.monotonic() - began < 500, "it waited for the hook"


@only_rung
@pytest.mark.parametrize("hook", [{"path": "relative"}, {}, {"path": "/bin/true", "timeout": 0},
                                  {"path": "/bin/true", "timeout": -1}, {"path": "/bin/true", "args": "x"}, 5])
def test_wrong_hooks_are_refused(container, hook):
    add(container, "prestart", hook)
    container.fails("true", saying="hooks")


@lacking("runc")
def test_output_of_hooks_is_not_the_container_s(container):
    add(container, "createRuntime", {"path": script(container, "echo from the hook >&2")})
    assert container.run("echo", "hello", check=0).output == "hello\n"


@needs_root
def test_hook_can_see_the_namespaces(container):
    add(container, "createRuntime", {"path": script(
        container, f"pid=$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' | head -n 1); "
                   f"readlink /proc/$pid/ns/net > {shared(container)}/net; ip -n none link >/dev/null 2>&1; true")})
    output = container.run("readlink", "/proc/self/ns/net", check=0).output
    assert (shared(container) / "net").read_text(encoding="ascii") == output
