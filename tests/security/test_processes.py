"""A container gets at the runtime's own processes, files and descriptors while they are on their way into it."""

import fcntl
import json
import os
import pty
import subprocess

import pytest

from attack import digest, install, runtime_program
from conftest import LIVE, OURS, ROOT, lacking, needs_root, only_rung, wait_until


# ---- descriptors ------------------------------------------------------------------------------------------------------------

def leaked(container):
    """Descriptors that a careless caller left open for the runtime: host directories and files, at various numbers."""
    opened = [os.open(container.work, os.O_RDONLY | os.O_DIRECTORY), os.open("/etc/passwd", os.O_RDONLY)]
    return opened + [fcntl.fcntl(opened[0], fcntl.F_DUPFD, number) for number in (9, 63, 500)]


@pytest.fixture
def leak(container):
    opened = leaked(container)
    yield opened
    for fd in opened:
        os.close(fd)


def numbers(text):
    return [line.split()[0] for line in text.splitlines()]


def test_only_the_standard_streams_are_open(container, attacker, leak):
    """CVE-2016-9962, CVE-2024-21626."""
    install(container, attacker)
    assert numbers(container.run("attacker", "fds", check=0, pass_fds=leak).output) == ["0", "1", "2"]


def test_only_the_standard_streams_are_open_in_exec(container, attacker, leak):
    install(container, attacker)
    container.start(pass_fds=leak)
    assert numbers(container.exec("attacker", "fds", check=0, pass_fds=leak).output) == ["0", "1", "2"]
    assert sorted(os.listdir(f"/proc/{container.pid()}/fd"), key=int) == ["0", "1", "2"]


@only_rung
def test_only_the_standard_streams_are_open_in_hooks(container, attacker, leak):
    """Hooks are the engine's, but run with what the caller forgot only if the runtime forgets, too."""
    install(container, attacker)
    output = container.work / "seen"
    hook = container.work / "hook"
    hook.write_text(f"#!/bin/sh\ncat > /dev/null\n{attacker} fds >> {output}\n")
    hook.chmod(0o755)
    container.config["hooks"] = {kind: [{"path": str(hook)}] for kind in ("prestart", "createRuntime", "poststart")}
    container.config["hooks"]["createContainer"] = [{"path": str(hook)}]
    container.start(pass_fds=leak)
    # 10: where the shell of the hook keeps its script
    assert {line.split()[0] for line in output.read_text().splitlines()} <= {"0", "1", "2", "10"}


@pytest.mark.parametrize("number", range(3, 16))
def test_working_directory_through_a_descriptor(container, leak, number):
    """CVE-2024-21626: /proc/self/fd/N leads out where the runtime, or its caller, left a directory open."""
    container.process["cwd"] = f"/proc/self/fd/{number}"
    (container.work / "secret").write_text("secret of the host\n")
    result = container.run("sh", "-c", "cat secret; cat ../secret; cat ../../../../../../../../../etc/hostname; ls -a .",
                           pass_fds=leak)
    assert "secret of the host" not in result.output
    assert str(container.id) not in result.output


def test_working_directory_through_a_descriptor_in_exec(container, leak):
    (container.work / "secret").write_text("secret of the host\n")
    container.start(pass_fds=leak)
    for number in range(3, 16):
        result = container.exec("sh", "-c", "cat secret; ls -a .", options=["--cwd", f"/proc/self/fd/{number}"],
                                pass_fds=leak)
        assert "secret of the host" not in result.output and container.id not in result.output


# ---- the runtime's program ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("entry", ["script", "link", "script with argument"])
def test_runtime_started_as_interpreter(container, entry):
    """CVE-2019-5736, the first half: the entry point is the runtime itself."""
    before = digest(runtime_program())
    path = container.rootfs / "entry"
    if entry == "link":
        path.symlink_to("/proc/self/exe")
    else:
        path.write_text("#!/proc/self/exe" + (" 3" if entry != "script" else "") + "\n")
        path.chmod(0o755)
    result = container.run("/entry")
    assert result.status != 0
    assert digest(runtime_program()) == before


@pytest.mark.parametrize("entry", ["script", "link"])
def test_runtime_started_as_interpreter_by_exec(container, entry):
    before = digest(runtime_program())
    path = container.rootfs / "entry"
    if entry == "link":
        path.symlink_to("/proc/self/exe")
    else:
        path.write_text("#!/proc/self/exe\n")
        path.chmod(0o755)
    container.start()
    assert container.exec("/entry").status != 0
    assert digest(runtime_program()) == before


def hunt(container, attacker):
    """Lets the container's first process look for the runtime while `exec` is called; returns what it got."""
    install(container, attacker)
    container.start("attacker", "hunt", "60")
    wait_until(lambda: "hunting" in container.output(), "the hunter is ready")
    for _ in range(15):
        container.exec("true")
    (container.rootfs / "stop").touch()
    wait_until(lambda: "done" in container.output(), "the hunter is done")
    return [line for line in container.output().splitlines() if line.startswith("got ")]


def test_exec_cannot_be_overwritten(container, attacker):
    """CVE-2019-5736, the second half: /proc/PID/exe of a runtime that enters the container."""
    before = digest(runtime_program())
    got = hunt(container, attacker)
    assert not [line for line in got if "CAN BE WRITTEN" in line], got
    assert not [line for line in got if runtime_program().name in line.split(":")[0].split("/")], got
    assert digest(runtime_program()) == before


@only_rung
@needs_root
def test_what_a_tracer_gets_is_sealed(container, attacker):
    """With CAP_SYS_PTRACE the container may look at any process it sees; it sees copies in memory, sealed against
    writing, and never the file on disk."""
    container.capabilities("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE")
    before = digest(runtime_program())
    got = hunt(container, attacker)
    assert digest(runtime_program()) == before
    assert got, "the hunter saw nothing at all"
    assert not [line for line in got if not line.startswith("got /memfd:rung-")], got


# ---- a neighbour in the same pid namespace ---------------------------------------------------------------------------------------

def beside(container, **more):
    """A container that waits for its start, and one that shares its pid namespace."""
    container.create("sleep", "1000")
    other = container.another()
    other.namespace("pid", f"/proc/{container.pid()}/ns/pid")
    return other


@needs_root
def test_a_waiting_container_cannot_be_touched(container, attacker):
    """The stage still has every capability; a neighbour without CAP_SYS_PTRACE gets at nothing of it."""
    other = beside(container)
    other.capabilities("CAP_CHOWN", "CAP_KILL")
    install(other, attacker)
    output = other.run("attacker", "touch-process", "1", check=0).output
    assert all(line.split(": ")[1] in ("Operation not permitted", "Permission denied") for line in output.splitlines()), output
    assert len(output.splitlines()) == 6


@only_rung
@needs_root
def test_what_a_neighbour_may_trace_is_sealed(container, attacker):
    """Even CAP_SYS_PTRACE finds only a memory file that nobody can change."""
    other = beside(container)
    other.capabilities("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE")
    install(other, attacker)
    script = "readlink /proc/1/exe; exec 9</proc/1/exe; echo x 2>/dev/null >/proc/self/fd/9 || echo sealed"
    output = other.shell(script).output
    assert "rung-stage" in output and "sealed" in output


# ---- terminals ---------------------------------------------------------------------------------------------------------------------

def test_the_callers_terminal_is_not_controlled(container, attacker):
    """TIOCSTI (CVE-2017-5226 and its like): the caller's terminal is our standard input, but not our session's."""
    install(container, attacker)
    container.process["args"] = ["attacker", "terminal"]
    container.write()
    master, slave = pty.openpty()
    script = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(["/usr/bin/python3", "-c", script,
                                *container.command("run", "--bundle", container.bundle, container.id)],
                               stdin=slave, stdout=slave, stderr=slave)
    LIVE[process.pid] = process
    os.close(slave)
    output = b""
    try:
        while chunk := os.read(master, 4096):
            output += chunk
    except OSError:
        pass
    os.close(master)
    assert process.wait(30) == 0, output
    LIVE.pop(process.pid)
    text = output.decode()
    assert "controlling terminal: open" not in text and ": done" not in text, text
    assert text.count("typing into") == 3, text


# ---- environment ----------------------------------------------------------------------------------------------------------------------

def test_environment_of_the_caller_stays_outside(container, attacker):
    install(container, attacker)
    secret = {**os.environ, "SECRET": "of the caller", "LD_PRELOAD": "", "NOTIFY_SOCKET": ""}
    assert "SECRET" not in container.run("attacker", "environment", check=0, env=secret).output
    container.start(env=secret)
    assert "SECRET" not in container.exec("attacker", "environment", check=0, env=secret).output


@pytest.mark.parametrize("kind", ["createRuntime", "createContainer", "poststart", "poststop"])
def test_environment_of_hooks_is_their_own(container, attacker, kind):
    """"env" of the hook and nothing else (config.md)."""
    output = container.work / "seen"
    hook = container.work / "hook"
    hook.write_text(f"#!/bin/sh\ncat > /dev/null\n{attacker} environment > {output}\n")
    hook.chmod(0o755)
    container.config["hooks"] = {kind: [{"path": str(hook), "env": ["OWN=1"]}]}
    container.start(env={**os.environ, "SECRET": "of the caller"})
    container.delete("--force")
    wait_until(output.exists, "the hook has run")
    names = {line.split("=")[0] for line in output.read_text().splitlines()}
    assert "OWN" in names and "SECRET" not in names
    assert names <= {"OWN", "PWD", "SHLVL", "_", "OLDPWD"}


# ---- words that are shown -----------------------------------------------------------------------------------------------------------------

@only_rung
def test_errors_do_not_carry_control_characters(container):
    """What an image or a configuration says must not steer the terminal, nor forge a second line in a log."""
    evil = "/no\x1b]0;owned\x07\nrung: all is well\r\x7f"
    result = container.run(evil)
    assert result.status != 0
    assert not any(ord(c) < 0x20 or ord(c) == 0x7f for c in result.errors.rstrip("\n")), repr(result.errors)


@only_rung
def test_state_quotes_what_the_configuration_says(container):
    container.config["annotations"] = {"a\"b\\c": "\x1b[31m\n\"}"}
    container.create("sleep", "1000")
    result = container.oci("state", container.id, check=0)
    assert json.loads(result.output)["annotations"] == container.config["annotations"]
    assert "\x1b" not in result.output
