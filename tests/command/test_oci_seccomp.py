"""linux.seccomp: actions, arguments, flags, error numbers, and the listener that another process answers for."""

import array
import errno
import fcntl
import json
import os
import platform
import socket
import struct
import threading

import pytest

from conftest import NAME, lacking, only_rung

ARCHITECTURE = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}.get(platform.machine())
pytestmark = pytest.mark.skipif(not ARCHITECTURE, reason=f"no tests for {platform.machine()}")


def rule(names, action, **more):
    return {"names": names if isinstance(names, list) else [names], "action": action, **more}


def filter_with(container, *rules, default="SCMP_ACT_ALLOW", **more):
    container.linux["seccomp"] = {"defaultAction": default, "architectures": [ARCHITECTURE],
                                  "syscalls": list(rules), **more}


def sees(container, script="mkdir /tmp/x 2>&1; true"):
    return container.shell(script).output


def test_errno(container):
    filter_with(container, rule("mkdir", "SCMP_ACT_ERRNO"), rule("mkdirat", "SCMP_ACT_ERRNO"))
    assert "Operation not permitted" in sees(container)


def test_chosen_errno(container):
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO", errnoRet=errno.EXDEV))
    assert os.strerror(errno.EXDEV) in sees(container)


def test_errno_zero_pretends(container):
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO", errnoRet=0))
    assert sees(container, "mkdir /tmp/x && [ ! -e /tmp/x ] && echo pretended; true") == "pretended\n"


@pytest.mark.parametrize("action", ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD"])
def test_kill(container, action):
    filter_with(container, rule(["mkdir", "mkdirat"], action))
    assert container.shell("mkdir /tmp/x; exit $?", check=None).status == 128 + 31


def test_trap(container):
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_TRAP"))
    assert container.shell("mkdir /tmp/x; exit $?", check=None).status == 128 + 31


def test_log_allows(container):
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_LOG"))
    assert sees(container, "mkdir /tmp/x && echo made") == "made\n"


def test_trace_without_a_tracer_is_enosys(container):
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_TRACE", errnoRet=5))
    assert "not implemented" in sees(container)


@lacking("runc")
def test_default_denies(container):
    """Everything busybox needs for echo, and nothing more."""
    allowed = """read write close exit exit_group execve execveat brk mmap munmap mprotect arch_prctl set_tid_address
        set_robust_list rseq getrandom prlimit64 readlink readlinkat uname getuid geteuid getgid getegid rt_sigaction
        rt_sigprocmask prctl fcntl ioctl openat newfstatat fstat stat futex sendmsg recvmsg capset capget setgroups
        setgid setuid setresuid setresgid chdir getcwd close_range seccomp umask lseek access getpid getppid dup dup2 dup3
        fstatfs statx getdents64 fchdir epoll_ctl epoll_pwait tgkill nanosleep sendto recvfrom poll ppoll pipe2 clone
        wait4 sigaltstack gettid getcwd setsid sched_getaffinity sched_yield keyctl socket connect fchown
        madvise openat2 landlock_restrict_self kill rt_sigreturn""".split()
    filter_with(container, rule(allowed, "SCMP_ACT_ALLOW"), default="SCMP_ACT_ERRNO", defaultErrnoRet=errno.EDOM)
    container.process["noNewPrivileges"] = False
    output = container.run("sh", "-c", "echo fine; mkdir /tmp/x 2>&1").output
    assert "fine" in output
    assert os.strerror(errno.EDOM) in output


@pytest.mark.parametrize("operator,value,two,hit", [
    ("SCMP_CMP_EQ", 0o700, 0, True), ("SCMP_CMP_EQ", 0o701, 0, False), ("SCMP_CMP_NE", 0o700, 0, False),
    ("SCMP_CMP_NE", 0o701, 0, True), ("SCMP_CMP_GT", 0o677, 0, True), ("SCMP_CMP_GT", 0o700, 0, False),
    ("SCMP_CMP_GE", 0o700, 0, True), ("SCMP_CMP_LT", 0o700, 0, False), ("SCMP_CMP_LE", 0o700, 0, True),
    ("SCMP_CMP_MASKED_EQ", 0o700, 0o700, True), ("SCMP_CMP_MASKED_EQ", 0o077, 0o007, False)])
def test_argument_operators(container, operator, value, two, hit):
    """chmod's mode is compared; busybox chmod calls chmod(2) or fchmodat(2)."""
    rules = [rule(name, "SCMP_ACT_ERRNO", errnoRet=errno.EXDEV,
                  args=[{"index": index, "value": value, "valueTwo": two, "op": operator}])
             for name, index in (("chmod", 1), ("fchmodat", 2))]
    filter_with(container, *rules)
    output = sees(container, "touch /tmp/x; chmod 700 /tmp/x 2>&1; true")
    assert (os.strerror(errno.EXDEV) in output) == hit


def test_all_arguments_must_match(container):
    def both(index):
        return [{"index": index, "value": 0o700, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]
    # argument 0 is a path or AT_FDCWD, never 0
    filter_with(container, rule("chmod", "SCMP_ACT_ERRNO", args=both(1)), rule("fchmodat", "SCMP_ACT_ERRNO",
                                                                             args=both(2)))
    assert sees(container, "touch /tmp/x; chmod 700 /tmp/x && echo fine") == "fine\n"


def test_mode_of_the_process(container):
    filter_with(container, rule("mkdir", "SCMP_ACT_ERRNO"))
    assert "2" in sees(container, "grep ^Seccomp: /proc/self/status")


def test_exec_has_the_filter_too(container):
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO"))
    container.start()
    result = container.exec("mkdir", "/tmp/x")
    assert result.status != 0 and "not permitted" in result.errors


def test_without_no_new_privileges(container):
    container.process["noNewPrivileges"] = False
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO"))
    assert "not permitted" in sees(container)


def test_unknown_call_names_are_passed_over(container):
    filter_with(container, rule(["no_such_call_at_all", "mkdir", "mkdirat"], "SCMP_ACT_ERRNO"))
    assert "not permitted" in sees(container)


@lacking("runc")
@pytest.mark.parametrize("flags", [["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
                                   ["SECCOMP_FILTER_FLAG_TSYNC"], ["SECCOMP_FILTER_FLAG_LOG",
                                                                   "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]])
def test_flags(container, flags):
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO"), flags=flags)
    assert "not permitted" in sees(container)


def test_empty_profile(container):
    filter_with(container)
    container.run("true", check=0)


@pytest.mark.parametrize("change", [
    {"defaultAction": "SCMP_ACT_NONSENSE"}, {"defaultAction": 7}, {"architectures": ["SCMP_ARCH_NONSENSE"]},
    {"flags": ["SECCOMP_FILTER_FLAG_NONSENSE"]}, {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NONSENSE"}]},
    {"syscalls": [{"names": ["mkdir"]}]}, {"syscalls": [{"names": "mkdir", "action": "SCMP_ACT_ERRNO"}]},
    {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 9, "value": 1,
                                                                               "op": "SCMP_CMP_EQ"}]}]},
    {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1,
                                                                               "op": "SCMP_CMP_NONSENSE"}]}]},
    {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": -5}]}])
def test_wrong_profiles_are_refused(container, change):
    if NAME == "crun" and ("syscalls" in change or "flags" in change) or NAME == "runc" and "names" in str(change):
        pytest.skip(f"{NAME} takes some of these")
    filter_with(container)
    container.linux["seccomp"].update(change)
    container.fails("true", saying="seccomp")


# ---- the listener ---------------------------------------------------------------------------------------------------

NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE


class Agent(threading.Thread):
    """Takes the descriptor that the runtime sends and answers every call with an error of its own."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(30)
        self.states, self.calls, self.go_on = [], 0, False
        self.start()

    def run(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    self.serve(connection)
        except OSError:
            pass

    def serve(self, connection):
        data, descriptors = b"", []
        while True:
            part, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(64))
            for _, _, content in ancillary:
                numbers = array.array("i")
                numbers.frombytes(content[:len(content) - len(content) % numbers.itemsize])
                descriptors += list(numbers)
            data += part
            try:
                state = json.loads(data)
                break
            except ValueError:
                if not part:
                    return
        self.states.append(state)
        threading.Thread(target=self.answer, args=(descriptors[state.get("fds", ["seccompFd"]).index("seccompFd")],),
                         daemon=True).start()

    def answer(self, fd):
        try:
            while True:
                request = bytearray(80)
                fcntl.ioctl(fd, NOTIF_RECV, request)
                self.calls += 1
                answer = (0, CONTINUE) if self.go_on else (-errno.ENOMEDIUM, 0)
                fcntl.ioctl(fd, NOTIF_SEND, struct.pack("=QqiI", struct.unpack_from("=Q", request)[0], 0, *answer))
        except OSError:
            os.close(fd)

    def close(self):
        self.listener.close()


@pytest.fixture
def agent(work):
    made = Agent(work / "agent.sock")
    yield made
    made.close()


def notify(container, **more):
    filter_with(container, rule(["mkdir", "mkdirat"], "SCMP_ACT_NOTIFY"),
                listenerPath=str(container.work / "agent.sock"), **more)


def test_notify(container, agent):
    notify(container, listenerMetadata="some metadata")
    assert os.strerror(errno.ENOMEDIUM) in sees(container)
    state = agent.states[0]
    assert state["metadata"] == "some metadata"
    assert state["state"]["id"] == container.id
    assert state["fds"] == ["seccompFd"]
    assert state["pid"] > 0 and agent.calls >= 1


def test_notify_in_exec(container, agent):
    notify(container)
    container.start()
    result = container.exec("mkdir", "/tmp/x")
    assert os.strerror(errno.ENOMEDIUM) in result.errors
    assert len(agent.states) == 2


def test_notify_without_anybody_listening(container):
    notify(container)
    container.fails("true")


@only_rung
def test_notify_without_a_path(container):
    filter_with(container, rule("mkdir", "SCMP_ACT_NOTIFY"))
    container.fails("true", saying="listenerPath")


@only_rung
def test_notify_of_what_the_runtime_still_does(container, agent):
    """Everything that comes after the listener's journey can be answered: the execve of the program too."""
    agent.go_on = True
    filter_with(container, rule(["close", "execve", "capset", "prctl", "setresuid"], "SCMP_ACT_NOTIFY"),
                listenerPath=str(container.work / "agent.sock"))
    assert sees(container, "echo it runs") == "it runs\n"
    assert agent.calls >= 2


@only_rung
@pytest.mark.parametrize("more", [{}, {"args": [{"index": 2, "value": 0, "op": "SCMP_CMP_NE"}]}], ids=["all", "some"])
def test_notify_of_the_call_that_hands_over_the_listener(container, agent, more):
    """It would wait for ever: nobody has the listener yet."""
    filter_with(container, rule(["recvmsg", "sendmsg"], "SCMP_ACT_NOTIFY", **more),
                listenerPath=str(container.work / "agent.sock"))
    container.fails("true", saying="sendmsg")


@lacking("crun", "runc")
def test_wait_killable(container, agent):
    notify(container, flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])
    assert os.strerror(errno.ENOMEDIUM) in sees(container)
    assert agent.calls
