"""rung under the name bwrap: bubblewrap's command line, its answers, and what is stronger here.

Where Debian's bubblewrap is installed the lines of bwrap_lines.py run in both. bubblewrap's own test scripts run where
$RUNG_BUBBLEWRAP_SOURCE names its source tree (0.11).
"""

import fcntl
import json
import os
import pathlib
import re
import shlex
import shutil
import struct
import subprocess

import pytest
from bwrap_lines import SYSTEM, lines
from conftest import ROOT, RUNTIME, only_rung, wait_until

pytestmark = only_rung
PEER = shutil.which("bwrap")
SOURCE = os.environ.get("RUNG_BUBBLEWRAP_SOURCE")
ALL = ("--ro-bind", "/", "/")
TIMEOUT_S = 60


class Bwrap:
    def __init__(self, work):
        self.work, self.path = work, work / "bwrap"
        self.path.symlink_to(RUNTIME[0])

    def popen(self, *words, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([str(self.path), *map(str, words)], cwd="/", **more)

    def __call__(self, *words, check=0, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([str(self.path), *map(str, words)], capture_output=True, text=True, cwd="/", timeout=TIMEOUT_S,
                              check=False, **more)
        if check is not None:
            assert done.returncode == check, f"{words}: {done.returncode}\n{done.stderr}{done.stdout}"
        return done

    def output(self, *words, **more):
        return self(*words, **more).stdout.strip()


@pytest.fixture
def bwrap(work):
    return Bwrap(work)


def data(text):
    """A descriptor from which this can be read."""
    fd = os.memfd_create("data", 0)
    os.write(fd, text if isinstance(text, bytes) else text.encode())
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


# ---- like bubblewrap -------------------------------------------------------------------------------------------------


def answer(program, line):
    done = subprocess.run([str(program), *shlex.split(line)], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd="/",
                          timeout=TIMEOUT_S, check=False)
    return done.returncode, done.stdout, done.stderr.replace(str(program), "bwrap").replace("/newroot", "")


@pytest.mark.skipif(not PEER, reason="bubblewrap is not installed")
@pytest.mark.parametrize("line", lines())
def test_same_answers(bwrap, line):
    assert answer(bwrap.path, line) == answer(PEER, line)


@pytest.mark.skipif(not SOURCE, reason="$RUNG_BUBBLEWRAP_SOURCE does not name bubblewrap's source")
@pytest.mark.parametrize("script", ["test-run.sh", "test-specifying-userns.sh", "test-specifying-pidns.sh", "test-seccomp.py"])
def test_upstream_scripts(bwrap, script):
    if script.endswith(".py"):
        pytest.importorskip("seccomp", reason="python3-seccomp is not installed")
    tests = bwrap.work / "build/tests"
    tests.mkdir(parents=True)
    subprocess.run(["cc", "-o", tests / "try-syscall", f"{SOURCE}/tests/try-syscall.c"], check=True)
    interpreter = "/usr/bin/python3" if script.endswith(".py") else "bash"
    done = subprocess.run([interpreter, f"{SOURCE}/tests/{script}"], capture_output=True, text=True, cwd=bwrap.work, check=False,
                          env={**os.environ, "BWRAP": str(bwrap.path), "G_TEST_SRCDIR": SOURCE, "G_TEST_BUILDDIR": str(tests.parent)})
    assert done.returncode == 0 and "not ok" not in done.stdout, done.stdout + done.stderr[-4000:]
    assert len(re.findall(r"^ok", done.stdout, re.M)) >= (69 if script == "test-run.sh" else 1)


def test_help_and_version(bwrap):
    assert bwrap.output("--help").startswith(f"usage: {bwrap.path} [OPTIONS...] [--] COMMAND [ARGS...]")
    assert re.match(r"bubblewrap 0\.11\.\d+ ", bwrap.output("--version"))
    assert bwrap(check=1).stderr.startswith("usage: ") and bwrap("--unshare-all", check=1).stderr.startswith("usage: ")
    assert {line.split()[0] for line in bwrap.output("--help").splitlines()[2:]} >= {"--bind", "--userns2", "--ro-overlay"}


def test_under_rung_itself():
    done = subprocess.run([RUNTIME[0], "bwrap", *ALL, "echo", "inside"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "inside\n", "")


# ---- files -----------------------------------------------------------------------------------------------------------


def test_the_host_s_root_is_gone(bwrap):
    script = "ls -A /..; ls -A /../.. ; cut -d' ' -f5 /proc/self/mountinfo | grep -cx /"
    out = bwrap.output(*SYSTEM.split(), "--proc", "/proc", "--unshare-pid", "sh", "-c", script).split()
    assert sorted(set(out)) == ["1", "bin", "lib", "lib64", "proc", "usr"]
    assert bwrap.output(*ALL, "sh", "-c", "cut -d' ' -f5 /proc/self/mountinfo | grep -cx /") == "1"


def test_binds_by_descriptor(bwrap):
    (bwrap.work / "there").mkdir()
    (bwrap.work / "there/file").write_text("by descriptor")
    fd = os.open(bwrap.work / "there", os.O_PATH)
    assert bwrap.output(*ALL, "--bind-fd", fd, "/mnt", "cat", "/mnt/file", pass_fds=[fd]) == "by descriptor"
    assert "Read-only" in bwrap(*ALL, "--ro-bind-fd", fd, "/mnt", "touch", "/mnt/file", check=1, pass_fds=[fd]).stderr
    os.close(fd)


def test_descriptors(bwrap):
    fds = [data("one"), data("two"), data("three")]
    words = ["--tmpfs", "/tmp", "--file", fds[0], "/tmp/a/b", "--bind-data", fds[1], "/tmp/c", "--perms", "0604", "--ro-bind-data", fds[2], "/tmp/d"]
    out = bwrap.output(*ALL, *words, "sh", "-c", "cat /tmp/a/b /tmp/c /tmp/d; stat -c ' %a' /tmp/a/b /tmp/c /tmp/d; ls /proc/self/fd | wc -l",
                       pass_fds=fds).split()
    assert out == ["onetwothree", "666", "600", "604", "4"]  # standard streams, and that of ls
    kept = data("kept")
    assert bwrap.output(*ALL, "cat", f"/proc/self/fd/{kept}", pass_fds=[kept]) == "kept"
    for fd in (*fds, kept):
        os.close(fd)


def test_absolute_links_stay_inside(bwrap):
    words = ["--tmpfs", "/tmp", "--dir", "/tmp/d", "--symlink", "/tmp/d", "/tmp/l", "--ro-bind", "/etc/passwd", "/tmp/l/pw"]
    assert bwrap.output(*ALL, *words, "ls", "/tmp/d") == "pw"


def test_overlays(bwrap):
    for name in ("lower 1", 'lo:w"er,\\2', "upper", "work"):
        (bwrap.work / name).mkdir()
    one, two = bwrap.work / "lower 1", bwrap.work / 'lo:w"er,\\2'
    (one / "a").write_text("1")
    (one / "b").write_text("1")
    (two / "b").write_text("2")
    layers = ["--overlay-src", one, "--overlay-src", two]
    script = "cat /mnt/a /mnt/b; echo 3 >/mnt/b; echo; cat /mnt/b"
    assert bwrap.output(*ALL, *layers, "--tmp-overlay", "/mnt", "sh", "-c", script).split() == ["12", "3"]
    assert "Read-only" in bwrap(*ALL, *layers, "--ro-overlay", "/mnt", "sh", "-c", script).stderr
    assert bwrap.output(*ALL, *layers, "--overlay", bwrap.work / "upper", bwrap.work / "work", "/mnt", "sh", "-c", script).split() == ["12", "3"]
    assert (two / "b").read_text() == "2" and (bwrap.work / "upper/b").read_text() == "3\n"


def test_order_is_what_is_said(bwrap):
    under = bwrap.output(*ALL, "--ro-bind", "/etc", "/mnt", "--tmpfs", "/mnt", "ls", "-A", "/mnt")
    over = bwrap.output(*ALL, "--tmpfs", "/mnt", "--ro-bind", "/etc", "/mnt", "ls", "-A", "/mnt")
    assert under == "" and "passwd" in over.split()


# ---- words -----------------------------------------------------------------------------------------------------------


def test_words_from_descriptors(bwrap):
    first, second = data("--tmpfs\0/tmp\0--dir\0/tmp/one"), data("--dir\0/tmp/two\0sh\0ignored\0")
    assert bwrap.output(*ALL, "--args", first, "--args", second, "ls", "/tmp", pass_fds=[first, second]).split() == ["one", "two"]
    os.close(first)
    os.close(second)
    inner = data("--args\0" "5\0")
    assert "not supported in arguments file" in bwrap("--args", inner, "true", check=1, pass_fds=[inner]).stderr
    os.close(inner)
    many = data("--unshare-pid\0" * 9001)
    assert "maximum number of arguments" in bwrap("--args", many, "true", check=1, pass_fds=[many]).stderr
    os.close(many)


def test_last_one_wins_and_says_so(bwrap):
    done = bwrap(*ALL, "--chdir", "/usr", "--chdir", "/etc", "pwd")
    assert (done.stdout, done.stderr) == ("/etc\n", "bwrap: Only the last --chdir option will take effect\n")
    done = bwrap("--level-prefix", *ALL, "--chdir", "/usr", "--chdir", "/nope", "pwd", check=1)
    assert [line[:9] for line in done.stderr.splitlines()] == ["<4>bwrap:", "<3>bwrap:"]


# ---- seen from outside -----------------------------------------------------------------------------------------------


def read_end():
    return os.pipe()


def test_info_and_status(bwrap):
    info, status = read_end(), read_end()
    bwrap(*ALL, "--unshare-all", "--info-fd", info[1], "--json-status-fd", status[1], "sh", "-c", "exit 42", check=42, pass_fds=[info[1], status[1]])
    os.close(info[1])
    os.close(status[1])
    with open(info[0], encoding="utf-8") as first, open(status[0], encoding="utf-8") as second:
        told, lines_told = json.load(first), [json.loads(line) for line in second]
    assert told["child-pid"] == lines_told[0]["child-pid"] and lines_told[1] == {"exit-code": 42}
    assert set(told) == {"child-pid", *(f"{name}-namespace" for name in ("cgroup", "ipc", "mnt", "net", "pid", "uts"))}
    assert told["net-namespace"] != os.stat("/proc/self/ns/net").st_ino


@pytest.mark.parametrize("program", ["/nonexistent", "/"])
def test_no_exit_code_without_program(bwrap, program):
    status = read_end()
    bwrap(*ALL, "--json-status-fd", status[1], program, check=1, pass_fds=[status[1]])
    os.close(status[1])
    with open(status[0], encoding="utf-8") as told:
        assert "exit-code" not in told.read()


class Living:
    """A sandbox that runs until its standard input is closed."""

    def __init__(self, bwrap, *words, script="echo ready; read line", pass_fds=()):
        info = read_end()
        self.process = bwrap.popen(*words, "--info-fd", info[1], "sh", "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, pass_fds=[info[1], *pass_fds])
        os.close(info[1])
        with open(info[0], encoding="utf-8") as told:
            self.pid = json.load(told)["child-pid"]
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()


def test_the_waiting_process_cannot_be_traced_from_inside(bwrap):
    attach = """if True:
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.ptrace(16, 1, 0, 0), ctypes.get_errno())
        for name, use in (("mem", open), ("environ", lambda path: open(path).read()), ("root", os.listdir), ("fd/0", os.readlink), ("cwd", os.listdir)):
            try:
                print(use("/proc/1/" + name))
            except OSError as error:
                print(error.errno)
        """
    powers = ("--cap-drop", "ALL") if ROOT else ()
    out = bwrap.output(*ALL, "--unshare-pid", "--proc", "/proc", *powers, "/usr/bin/python3", "-c", attach).split("\n")
    assert out == ["-1 1"] + ["13"] * 5


def test_its_namespaces_can_be_joined_from_outside(bwrap):
    with Living(bwrap, *ALL, "--unshare-user", "--unshare-pid", "--proc", "/proc") as living:
        user, pid = (os.open(f"/proc/{living.pid}/ns/{name}", os.O_RDONLY) for name in ("user", "pid"))
        out = bwrap.output(*ALL, "--userns", user, "--pidns", pid, "--proc", "/proc", "sh", "-c",
                           "readlink /proc/self/ns/user /proc/self/ns/pid; ls /proc/self/fd | wc -l", pass_fds=[user, pid]).split()
        assert out == [os.readlink(f"/proc/self/fd/{user}"), os.readlink(f"/proc/self/fd/{pid}"), "4"]
        below = bwrap.output(*ALL, "--userns", user, "--pidns", pid, "--unshare-pid", "--proc", "/proc", "sh", "-c",
                             "readlink /proc/self/ns/pid; echo $$; exit 0", pass_fds=[user, pid]).split()
        assert below[0] not in out and below[1] == "2"
        assert bwrap(*ALL, "--userns", user, "--pidns", pid, "--unshare-pid", "sh", "-c", "exit 9", check=9, pass_fds=[user, pid])
        os.close(user)
        os.close(pid)


def test_what_runs_in_the_background_outlives_the_program(bwrap):
    wait, done = read_end(), read_end()
    script = f"(cat /proc/self/fd/{wait[0]}; echo late >/proc/self/fd/{done[1]}) & exit 5"
    # Not through pipes: the process that waits for the background keeps its standard streams.
    process = bwrap.popen(*ALL, "--unshare-pid", "--proc", "/proc", "--dev", "/dev", "sh", "-c", script, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          pass_fds=[wait[0], done[1]])
    assert process.wait(TIMEOUT_S) == 5
    os.close(done[1])
    os.close(wait[0])
    os.close(wait[1])
    with open(done[0], encoding="utf-8") as told:
        assert told.read() == "late\n"


def test_sync_fd_is_open_as_long_as_the_sandbox(bwrap):
    sync = read_end()
    with Living(bwrap, *ALL, "--unshare-pid", "--sync-fd", sync[1], pass_fds=[sync[1]]):
        os.close(sync[1])
        os.set_blocking(sync[0], False)
        with pytest.raises(BlockingIOError):
            os.read(sync[0], 1)
    os.set_blocking(sync[0], True)
    assert os.read(sync[0], 1) == b""
    os.close(sync[0])


@pytest.mark.parametrize("more", [(), ("--unshare-pid",)])
def test_locks(bwrap, more):
    path = bwrap.work / "lock"
    path.write_text("")
    with open(path, "r+b") as file:
        with Living(bwrap, *ALL, *more, "--lock-file", path):
            with pytest.raises(OSError):
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(file, fcntl.LOCK_EX)


def test_block_fd(bwrap):
    gate = read_end()
    process = bwrap.popen(*ALL, "--block-fd", gate[0], "echo", "through", stdout=subprocess.PIPE, text=True, pass_fds=[gate[0]])
    assert process.poll() is None
    os.write(gate[1], b"x")
    assert process.communicate(timeout=TIMEOUT_S)[0] == "through\n" and process.returncode == 0
    os.close(gate[0])
    os.close(gate[1])


def test_maps_written_by_somebody_else(bwrap):
    info, gate = read_end(), read_end()
    process = bwrap.popen(*ALL, "--unshare-user", "--info-fd", info[1], "--userns-block-fd", gate[0], "id", "-u", stdout=subprocess.PIPE,
                          text=True, pass_fds=[info[1], gate[0]])
    os.close(info[1])
    with open(info[0], encoding="utf-8") as told:
        pid = json.load(told)["child-pid"]
    pathlib.Path(f"/proc/{pid}/setgroups").write_text("deny", encoding="utf-8")
    pathlib.Path(f"/proc/{pid}/uid_map").write_text(f"4711 {os.getuid()} 1\n", encoding="utf-8")
    pathlib.Path(f"/proc/{pid}/gid_map").write_text(f"4711 {os.getgid()} 1\n", encoding="utf-8")
    os.write(gate[1], b"x")
    assert process.communicate(timeout=TIMEOUT_S)[0] == "4711\n" and process.returncode == 0
    os.close(gate[0])
    os.close(gate[1])


@pytest.mark.parametrize("more", [(), ("--unshare-pid",)])
def test_die_with_parent(bwrap, more):
    alive = read_end()
    words = shlex.join([str(bwrap.path), *ALL, "--proc", "/proc", *more, "--die-with-parent", "sh", "-c", f"echo up >/proc/self/fd/{alive[1]}; exec sleep 1000"])
    parent = subprocess.Popen(["sh", "-c", f"{words} & wait"], pass_fds=[alive[1]], stdin=subprocess.DEVNULL)
    os.close(alive[1])
    assert os.read(alive[0], 3) == b"up\n"
    parent.kill()
    parent.wait(TIMEOUT_S)
    assert os.read(alive[0], 1) == b""  # all that had it open are gone
    os.close(alive[0])


# ---- walls -----------------------------------------------------------------------------------------------------------


def refusing(number, error):
    """A filter that lets one call fail; the architecture is whatever runs here."""
    rows = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | error), (0x06, 0, 0, 0x7FFF0000)]
    return b"".join(struct.pack("HBBI", *row) for row in rows)


def system_call(name):
    numbers = {"x86_64": {"getppid": 110, "getpgid": 121}, "aarch64": {"getppid": 173, "getpgid": 155}}.get(os.uname().machine)
    return numbers[name] if numbers else pytest.skip(f"no call numbers for {os.uname().machine}")


ASK = "import os\nfor call in (os.getppid, lambda: os.getpgid(0)):\n    try:\n        print('ok' if call() >= 0 else call())\n" \
      "    except OSError as e:\n        print(e.errno)"


def test_filters(bwrap):
    calls = system_call("getppid"), system_call("getpgid")
    one, two = data(refusing(calls[0], 77)), data(refusing(calls[1], 78))
    ask = ("/usr/bin/python3", "-c", ASK)
    # libc's getppid cannot fail and says what the kernel said, negated or not.
    assert bwrap.output(*ALL, "--seccomp", two, *ask, pass_fds=[two]).split()[1] == "78"
    os.lseek(two, 0, os.SEEK_SET)
    out = bwrap.output(*ALL, "--unshare-pid", "--add-seccomp-fd", one, "--add-seccomp-fd", two, *ask, pass_fds=[one, two]).split()
    assert out[0] != "ok" and out[1] == "78"
    odd = data(b"12345")
    assert "multiple of 8" in bwrap(*ALL, "--seccomp", odd, "true", check=1, pass_fds=[odd]).stderr
    for fd in (one, two, odd):
        os.close(fd)


def test_capabilities_stay_inside(bwrap):
    caps = dict(line.split(":\t") for line in bwrap.output(*ALL, "--unshare-user", "--cap-add", "CAP_NET_RAW", "--cap-drop", "ALL", "--cap-add",
                                                           "CAP_CHOWN", "grep", "Cap", "/proc/self/status").splitlines())
    assert {int(caps[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd")} == {1}


def test_no_user_namespaces_inside(bwrap):
    assert "failed" in bwrap(*ALL, "--unshare-user", "--disable-userns", "unshare", "-U", "true", check=1).stderr
    assert bwrap(*ALL, "--unshare-user", "--disable-userns", "--dev", "/dev", "id", "-u").stdout.strip() == str(os.getuid())
    assert "was not disabled" in bwrap(*ALL, "--assert-userns-disabled", "true", check=1).stderr


def test_nested(bwrap):
    """flatpak-spawn --sandbox and friends: a sandbox in a sandbox, as often as one likes."""
    # What root's /proc hides keeps a user namespace inside from having one of its own.
    words = [*ALL, "--unshare-all", "--bind" if ROOT else "--proc", *(["/proc"] if ROOT else []), "/proc", "--dev", "/dev"]
    assert bwrap.output(*words, bwrap.path, *words, bwrap.path, *words, "id", "-u") == str(os.getuid())
    assert bwrap.output("--dev-bind", "/", "/", "/proc/self/exe", *ALL, "echo", "again") == "again"


def test_new_session(bwrap):
    ask = ("/usr/bin/python3", "-c", "import os; print(os.getsid(0) == os.getpid())")
    assert bwrap.output(*ALL, "--new-session", *ask) == "True" and bwrap.output(*ALL, *ask) == "False"


# ---- real callers ----------------------------------------------------------------------------------------------------


def test_as_flatpak_starts_it(bwrap):
    """The shape of `flatpak run`: most words in a descriptor, data in others, a lock, a filter, environment, --die-with-parent."""
    (bwrap.work / "app").mkdir()
    (bwrap.work / "app/hello").write_text("#!/bin/sh\ncat /.flatpak-info; echo $XDG_RUNTIME_DIR $0; ls -A /run /var\n")
    (bwrap.work / "app/hello").chmod(0o755)
    (bwrap.work / "ref").write_text("")
    info, group, block = data("[Application]\n"), data("user:x:1000:\n"), data(refusing(system_call("getpgid"), 1))
    uid = str(os.getuid())
    words = ["--perms", "0700", "--dir", f"/run/user/{uid}", "--ro-bind", "/usr", "/usr", "--lock-file", "/usr/.ref", "--ro-bind", bwrap.work / "app",
             "/app", "--tmpfs", "/etc", "--ro-bind-data", group, "/etc/group", "--symlink", "/usr/share/zoneinfo/UTC", "/etc/localtime", "--proc",
             "/proc", "--unshare-pid", "--dev", "/dev", "--bind-try", "/nonexistent", "/nonexistent", "--ro-bind-try", "/sys/block", "/sys/block",
             "--unshare-ipc", "--unshare-net", "--ro-bind-data", info, "/.flatpak-info", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64",
             "/lib64", "--symlink", "usr/bin", "/bin", "--dir", "/var/tmp", "--remount-ro", "/etc", "--seccomp", block, "--setenv",
             "XDG_RUNTIME_DIR", f"/run/user/{uid}", "--unsetenv", "TMPDIR", "--die-with-parent", "--new-session", "--chdir", "/app"]
    words[words.index("/usr/.ref")] = "/app/.ref"
    (bwrap.work / "app/.ref").write_text("")
    args = data("\0".join(map(str, words)) + "\0")
    out = bwrap.output("--args", args, "--", "/app/hello", pass_fds=[args, info, group, block])
    assert out.split() == ["[Application]", f"/run/user/{uid}", "/app/hello", "/run:", "user", "/var:", "tmp"]
    for fd in (args, info, group, block):
        os.close(fd)


def ended(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_killed_monitor_leaves_nothing_with_die_with_parent(bwrap):
    with Living(bwrap, *ALL, "--unshare-pid", "--die-with-parent") as living:
        living.process.kill()
        living.process.wait(TIMEOUT_S)
        wait_until(lambda: ended(living.pid), "the sandbox ends")


