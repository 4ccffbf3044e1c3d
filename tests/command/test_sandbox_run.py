"""`rung sandbox run`: what a program sees and may do, by default and with grants; those that run."""

import json
import os
import signal

import pytest
from conftest import LIVE, ROOT, RUNTIME, needs_root, only_rung, wait_until
from sandboxes import sandbox  # noqa: F401
from terminals import Seat

pytestmark = only_rung


# ---- by default ------------------------------------------------------------------------------------------------------


def test_status(sandbox):
    assert sandbox.shell("exit 7").status == 7
    assert sandbox.shell("kill -TERM $$").status == 128 + signal.SIGTERM
    assert sandbox("run", "true").status == 0 and sandbox("true").status == 0
    assert sandbox("/nowhere/at/all").status == 127 and sandbox("not-there").status == 127
    assert sandbox("/etc/passwd").status == 126
    assert sandbox("--writes", "keep", "true").status == 125


def test_the_system_is_readable_and_nothing_else(sandbox):
    (sandbox.home / "secret").write_text("secret")
    (sandbox.work / "other").write_text("other")
    result = sandbox.shell(f"ls -A $HOME /tmp; cat {sandbox.work}/other; cat /etc/passwd >/dev/null && echo read; ls /")
    assert "other: No such file" in result.errors and "secret" not in result.output
    lines = result.output.split()
    assert "read" in lines and "usr" in lines and "srv" not in lines and "boot" not in lines


def test_the_system_cannot_be_changed(sandbox):
    for path in ("/usr/rung-test", "/etc/rung-test", "/rung-test", "/sys/rung-test", "/var/rung-test"):
        result = sandbox("touch", path)
        assert result.status == 1 and ("Read-only" in result.errors or "denied" in result.errors), (path, result)
        assert not os.path.exists(path)


def test_private_places_are_writable_and_forgotten(sandbox):
    script = "for d in /tmp /var/tmp /run $XDG_RUNTIME_DIR /dev/shm $HOME; do echo x >$d/a-mark || exit 1; cat $d/a-mark; done"
    assert sandbox.shell(script, check=0).output == "x\n" * 6
    assert not any(os.path.exists(f"{place}/a-mark") for place in ("/tmp", "/var/tmp", "/run", "/dev/shm"))
    assert list(sandbox.home.iterdir()) == []


def test_no_powers(sandbox):
    status = dict(line.split(":\t", 1) for line in sandbox.output("cat", "/proc/self/status").splitlines() if ":\t" in line)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_namespaces_of_its_own(sandbox):
    names = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")
    inside = sandbox.shell(" ".join(["readlink", *(f"/proc/self/ns/{name}" for name in names)]), check=0).output.split()
    assert not set(inside) & {os.readlink(f"/proc/self/ns/{name}") for name in names} and len(set(inside)) == 7
    assert sandbox.output("sh", "-c", "cat /proc/net/dev | wc -l") == "3"  # two lines of heading, and lo
    # PID 1, the shell, and the program that counts.
    assert sandbox.output("sh", "-c", "ls -d /proc/[0-9]* | wc -l") in ("3", "4")


def test_the_person_stays_the_same(sandbox):
    assert sandbox.output("id", "-u") == str(os.geteuid())
    sandbox.environment["TOKEN"] = "secret"
    out = sandbox.output("env")
    assert "TOKEN" not in out and f"HOME={sandbox.home}" in out and "container=rung-sandbox" in out
    assert "TOKEN=secret" in sandbox.output("--allow", "env=TOKEN", "env")
    assert "TOKEN=secret" in sandbox.output("--allow", "env=*", "env")
    assert "TOKEN" not in sandbox.output("--allow", "env=*", "--deny", "env=TOKEN", "env")
    assert "A=1" in sandbox.output("-e", "A=1", "env") and "TOKEN=secret" in sandbox.output("-e", "TOKEN", "env")


def test_programs_run_from_the_system_alone(sandbox):
    script = "cp /bin/true $HOME/mine && $HOME/mine"
    result = sandbox.shell(script)
    assert result.status == 126 and "denied" in result.errors, result


def test_streams(sandbox):
    assert sandbox("cat", data=b"x" * 200000, check=0).output == "x" * 200000
    assert sandbox.shell("echo out; echo err >&2", check=0) == (0, "out\n", "err\n")


@pytest.mark.skipif(ROOT, reason="the kernel lets nobody without capabilities map root")
def test_nested(sandbox):
    program = RUNTIME[0]
    result = sandbox("-a", "userns", "-a", f"exec={os.path.dirname(program)}", program, "sandbox", "sh", "-c", "id -u; ls -A ~")
    assert result == (0, f"{os.geteuid()}\n", ""), result


@pytest.fixture
def seat(sandbox):
    """A person at a terminal."""
    seats = []

    def sit(*words):
        seats.append(Seat(sandbox, words, (24, 80)))
        return seats[-1]

    yield sit
    for one in seats:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        LIVE.pop(one.process.pid, None)
        one.close()
        os.close(one.slave)


def test_the_terminal_has_a_name(seat):
    one = seat("tty")
    one.wait_for("/dev/console")
    assert one.end() == 0


def test_keys_reach_the_program(seat):
    one = seat("sh", "-c", "trap 'echo caught' INT; echo ready; until read line; do :; done; echo got $line; read line; exit 5")
    one.wait_for("ready")
    one.type("\x03")
    one.wait_for("caught")
    one.type("word\r")
    one.wait_for("got word")
    one.type("\r")
    assert one.end() == 5


def test_entering_from_a_terminal(sandbox, seat):
    process = sandbox.start("-n", "box")
    one = seat("enter", "box", "sh", "-c", "stty size; echo ready; read line; exit 6")
    one.wait_for("ready")
    assert "24 80" in one.text
    one.type("\r")
    assert one.end() == 6 and one.modes_are_back()
    sandbox("kill", "box", check=0)
    sandbox.ended(process)


# ---- grants ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(sandbox):
    top = sandbox.home / "tree"
    (top / "sub").mkdir(parents=True)
    (top / "file").write_text("before\n")
    (top / "sub" / "deep").write_text("deep\n")
    return top


def test_read(sandbox, tree):
    assert sandbox.output("--allow", f"read={tree}", "cat", tree / "file") == "before"
    assert sandbox.output("-a", "read=tree", "cat", "tree/sub/deep") == "deep"  # from the working directory
    assert sandbox.output("-a", f"read={tree}/file", "ls", tree) == "file"
    assert sandbox.output("-a", "read=~/tree", "ls", sandbox.home) == "tree"
    sandbox.refused("-a", "read=/not/there", "true", saying="/not/there: No such file")
    sandbox.refused("-a", "reed=/x", "true", saying='unknown permission "reed"')


def test_writes_beside_a_grant_are_caught(sandbox, tree):
    script = f"echo after >{tree}/file; rm {tree}/sub/deep; echo new >{tree}/new; cat {tree}/file {tree}/new; ls {tree}/sub"
    assert sandbox.shell(script, "-a", f"read={tree}", check=0).output == "after\nnew\n"
    assert (tree / "file").read_text() == "before\n" and (tree / "sub/deep").exists() and not (tree / "new").exists()


def test_write(sandbox, tree):
    sandbox.shell(f"echo after >{tree}/file; mkdir {tree}/d; mv {tree}/sub {tree}/d", "-a", f"write={tree}", check=0)
    assert (tree / "file").read_text() == "after\n" and (tree / "d/sub/deep").exists()
    assert (tree / "file").stat().st_uid == os.geteuid()


def test_deny(sandbox, tree):
    listed = sandbox.output("-a", f"read={tree}", "-d", f"read={tree}/sub", "ls", tree / "sub")
    assert listed == ""
    assert sandbox.output("-a", f"read={tree}", "-d", f"read={tree}/file", "cat", tree / "file") == ""
    result = sandbox.shell(f"echo x >{tree}/sub/x", "-a", f"write={tree}", "-d", f"write={tree}/sub")
    assert result.status != 0 and not (tree / "sub/x").exists()
    assert sandbox.shell(f"echo x >{tree}/x", "-a", f"write={tree}", "-d", f"write={tree}/sub").status == 0
    assert sandbox.shell("cat /etc/passwd", "-d", "read=/etc/passwd").output == ""


def test_exec(sandbox, tree):
    program = tree / "program"
    program.write_bytes(open("/bin/true", "rb").read())
    program.chmod(0o755)
    assert sandbox("-a", f"read={tree}", program).status == 126
    assert sandbox("-a", f"write={tree}", program).status == 126
    assert sandbox("-a", f"exec={tree}", program).status == 0
    # What is written where programs may run is caught first, and runs all the same.
    assert sandbox.shell(f"cp /bin/true {tree}/more && {tree}/more", "-a", f"exec={tree}").status == 0
    assert not (tree / "more").exists()


def test_home(sandbox, tree):
    assert sandbox.output("-a", "home:ro", "ls", sandbox.home) == "tree"
    sandbox.shell("echo x >$HOME/new", "-a", "home:ro", check=0)
    assert not (sandbox.home / "new").exists()
    sandbox.shell("echo x >$HOME/new", "-a", "home", check=0)
    assert (sandbox.home / "new").exists()
    # A refusal within it holds.
    assert sandbox.output("-a", "home", "-d", f"read={tree}", "ls", tree) == ""


def test_all_of_the_system(sandbox):
    names = set(sandbox.output("-a", "read=/", "ls", "/").split())
    missing = {name for name in os.listdir("/") if os.access(f"/{name}", os.R_OK)} - names
    assert all(name.startswith(".") or os.path.islink(f"/{name}") for name in missing), missing
    assert "rung-test-own" not in os.listdir("/tmp")
    sandbox.shell("touch /tmp/rung-test-own", "-a", "read=/", check=0)  # that stays the sandbox's own
    assert "rung-test-own" not in os.listdir("/tmp")


def test_devices(sandbox):
    names = set(sandbox.output("run", "ls", "/dev").split())
    assert {"null", "zero", "full", "random", "urandom", "tty", "pts", "ptmx", "shm"} <= names
    assert not names & {"mem", "kmsg", "sda", "vda", "fuse", "kvm"}
    if os.path.exists("/dev/fuse"):
        assert "fuse" in sandbox.output("-a", "device=/dev/fuse", "ls", "/dev").split()
    assert sandbox.shell("echo x >/dev/null; head -c 4 /dev/urandom | wc -c", check=0).output == "4\n"


def test_debuggers_need_a_grant(sandbox):
    probe = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); print(libc.ptrace(0, 0, 0, 0), ctypes.get_errno())"
    assert sandbox.output("/usr/bin/python3", "-c", probe) == "-1 1"
    assert sandbox.output("-a", "ptrace", "/usr/bin/python3", "-c", probe) == "0 0"


def test_the_working_directory(sandbox, tree):
    assert sandbox.output("-a", f"read={tree}", "pwd", cwd=tree) == str(tree)
    assert sandbox.output("pwd", cwd=tree) == str(sandbox.home)  # it is not to be seen
    assert sandbox.output("-w", "/usr", "pwd") == "/usr"


def test_inherited_descriptors_are_closed(sandbox, tree):
    fd = os.open(tree / "file", os.O_RDONLY)
    try:
        os.set_inheritable(fd, True)
        listed = sandbox("run", "ls", "/proc/self/fd", pass_fds=[fd], check=0).output.split()
        assert len(listed) == 4  # 0, 1, 2, and the directory it reads
    finally:
        os.close(fd)


# ---- limits -------------------------------------------------------------------------------------------------------------


def test_time(sandbox):
    assert sandbox("--time", "200ms", "sleep", "1000").status == 124
    assert sandbox("--time", "1h", "true").status == 0


def test_memory(sandbox):
    probe = "x = bytearray(1 << 30); print(len(x))"
    assert sandbox("--memory", "512m", "/usr/bin/python3", "-c", probe).status != 0
    assert sandbox("/usr/bin/python3", "-c", probe).status == 0


def test_cpus(sandbox):
    result = sandbox("--cpus", "1", "nproc")
    assert result.status == 0 and (result.output == "1\n" or "limits" not in result.errors), result


@needs_root
def test_limits_by_control_groups(sandbox):
    process = sandbox.start("-n", "box", "--memory", "64m", "--pids", "20", "--cpus", "0.5")
    pid = sandbox.output("inspect", "-f", "{{.Pid}}", "box")
    groups = open(f"/proc/{pid}/cgroup", encoding="utf-8").read()
    assert "rung-sandbox-" in groups
    sandbox("kill", "box", check=0)
    sandbox.ended(process)


def test_disk(sandbox):
    result = sandbox.shell("head -c 4000000 /dev/zero >/tmp/f", "--disk", "1m")
    assert result.status != 0 and "No space left" in result.errors, result


def test_pids(sandbox):
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 1000 & done; echo all"
    result = sandbox.shell(script, "--pids", "8")
    assert "all" not in result.output or "fork" in result.errors, result


# ---- those that run --------------------------------------------------------------------------------------------------------


def test_list_and_inspect(sandbox):
    one = sandbox.start("-n", "first", "-a", "read=/usr")
    two = sandbox.start()
    listed = sandbox.output("list", "--format", "{{.Name}}|{{.Command}}").splitlines()
    assert len(listed) == 2 and listed[0].startswith("first|sh -c") and listed[1].startswith("|sh -c")
    about = json.loads(sandbox.output("inspect", "first"))
    about = about[0] if isinstance(about, list) else about
    assert about["Permissions"] == ["allow read=/usr"] and about["Writes"] == "keep"
    sandbox.refused("inspect", "second", saying="no sandbox second is running")
    assert len(sandbox.output("kill", "--all").split()) == 2
    assert sandbox.ended(one) == 128 + signal.SIGKILL and sandbox.ended(two) == 128 + signal.SIGKILL
    assert sandbox.ids() == []


def test_enter(sandbox, tree):
    process = sandbox.start("-n", "box", "-a", f"read={tree}", "-a", "env=X",
                            script=f"echo changed >{tree}/file; echo ready; exec sleep 1000")
    assert sandbox.output("enter", "box", "cat", tree / "file") == "changed"
    assert sandbox("enter", "box", "sh", "-c", "exit 5").status == 5
    assert sandbox("enter", "box", "not-there").status == 127
    status = sandbox.output("enter", "box", "cat", "/proc/self/status")
    assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
    assert sandbox("enter", "box", "cat", data=b"through", check=0).output == "through"
    inside = sandbox.output("enter", "box", "readlink", "/proc/self/ns/mnt")
    of_program = sandbox.output("enter", "box", "sh", "-c", "readlink /proc/$(pgrep -x sleep)/ns/mnt")
    assert inside != os.readlink("/proc/self/ns/mnt") and inside == of_program
    sandbox("kill", "box", check=0)
    sandbox.ended(process)


def test_kill_with_a_signal(sandbox):
    process = sandbox.start("-n", "box", script="trap 'exit 9' USR1; echo ready; while :; do sleep 0.1; done")
    sandbox("kill", "-s", "USR1", "box", check=0)
    assert sandbox.ended(process) == 9


def test_signals_reach_the_program(sandbox):
    process = sandbox.start(script="trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done")
    process.terminate()
    assert sandbox.ended(process) == 3


def test_it_ends_with_its_starter(sandbox):
    process = sandbox.start("-n", "box")
    pid = int(sandbox.output("inspect", "-f", "{{.Pid}}", "box"))
    process.kill()
    sandbox.ended(process)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}/root/usr"), "PID 1 ends")
    wait_until(lambda: sandbox.ids() == [], "nothing is listed")


def test_what_it_left_behind_ends_with_it(sandbox):
    assert sandbox.shell("sleep 1000 >/dev/null 2>&1 & exit 0").status == 0


def test_pid_1_cannot_be_traced(sandbox):
    script = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(16, 1, 0, 0) == -1, "attached"
for name in ("mem", "environ", "root", "cwd", "fd/0", "exe", "maps"):
    try:
        path = f"/proc/1/{name}"
        os.readlink(path) if name in ("root", "cwd", "exe", "fd/0") else open(path, "rb").read(1)
    except OSError:
        continue
    raise SystemExit(f"{name} is open")
os.kill(1, 9)
print("stands")
"""
    assert sandbox.output("-a", "ptrace", "/usr/bin/python3", "-c", script) == "stands"


def test_explain(sandbox, tree):
    out = sandbox.output("--explain", "-a", f"read={tree}", "true")
    assert str(tree) in out and "/usr" in out and "empty and writable: /tmp" in out
    assert sandbox.ids() == []


def test_explain_is_a_verb_too(sandbox, tree):
    assert sandbox("explain", "-a", f"read={tree}", "true").output == sandbox("--explain", "-a", f"read={tree}", "true").output


# ---- what is kept ------------------------------------------------------------------------------------------------------------


def test_a_named_one_keeps_what_was_written(sandbox, tree):
    sandbox.shell(f"echo more >>{tree}/file; echo mine >$HOME/own", "-n", "box", "-a", f"read={tree}", check=0)
    assert (tree / "file").read_text() == "before\n" and not (sandbox.home / "own").exists()
    assert sandbox.output("-n", "box", "-a", f"read={tree}", "cat", tree / "file", sandbox.home / "own") == "before\nmore\nmine"
    assert sandbox.output("-a", f"read={tree}", "cat", tree / "file") == "before"  # another one sees nothing of it


def test_rm(sandbox, tree):
    sandbox.shell("echo x >$HOME/f; mkdir $HOME/d; chmod 0 $HOME/d", "-n", "box", check=0)
    assert sandbox.output("rm", "box") == "box"
    assert sandbox.output("-n", "box", "ls", "-A", sandbox.home) == ""
    process = sandbox.start("-n", "box")
    assert sandbox("rm", "box").status == 1
    assert sandbox.output("rm", "-f", "box") == "box"
    assert sandbox.ended(process) == 128 + signal.SIGKILL
    assert sandbox("rm", "box").status == 1 and sandbox("rm", "-f", "box").status == 0
    sandbox("-n", "one", "true", check=0)
    sandbox("-n", "two", "true", check=0)
    assert sorted(sandbox.output("rm", "--all").split()) == ["one", "two"]
