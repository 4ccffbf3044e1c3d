"""The process object of config.json: each field, seen from inside the container."""

import os
import resource
import subprocess

import pytest

from conftest import NAME, OURS, ROOT, lacking, needs_root, only_rung

NET_ADMIN, KILL, CHOWN = 1 << 12, 1 << 5, 1 << 0


def status_field(container, field):
    return container.shell(f"grep ^{field}: /proc/self/status").output.split()[1]


# ---- who ------------------------------------------------------------------------------------------------------------

def test_root_by_default(container):
    assert container.shell("id -u; id -g").output == "0\n0\n"


@needs_root
def test_user_and_groups(container):
    container.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [2000, 3000]}
    assert container.shell("id -u; id -g; id -G").output == "1000\n1000\n1000 2000 3000\n"


@needs_root
def test_no_group_comes_from_the_caller(container):
    assert container.shell("id -G", preexec_fn=lambda: os.setgroups([4, 24])).output == "0\n"


def test_umask(container):
    container.process["user"]["umask"] = 0o077
    assert container.shell("umask; touch /tmp/x; stat -c %a /tmp/x").output == "0077\n600\n"


def test_umask_of_the_caller_spoils_no_modes(container):
    """The specification leaves the program's umask alone; what the runtime makes must not depend on it."""
    output = container.shell("stat -c %a /dev/null /dev/shm /dev/pts", preexec_fn=lambda: os.umask(0o077)).output
    assert output.split() == ["666", "1777", "755"]


# ---- where ----------------------------------------------------------------------------------------------------------

def test_working_directory(container):
    container.process["cwd"] = "/var"
    assert container.shell("pwd; readlink /proc/self/cwd").output == "/var\n/var\n"


def test_working_directory_is_made(container):
    container.process["cwd"] = "/home/new/deep"
    assert container.shell("pwd").output == "/home/new/deep\n"


@needs_root
def test_working_directory_only_the_user_may_enter(container):
    (container.rootfs / "home/own").mkdir(mode=0o700)
    os.chown(container.rootfs / "home/own", 1000, 1000)
    container.process["user"] = {"uid": 1000, "gid": 1000}
    container.process["cwd"] = "/home/own"
    container.capabilities()
    assert container.shell("pwd").output == "/home/own\n"


@lacking("crun")
def test_relative_working_directory_is_refused(container):
    container.process["cwd"] = "var"
    container.fails("true", saying="cwd")


def test_working_directory_that_is_a_file(container):
    container.process["cwd"] = "/etc/passwd"
    container.fails("true")


def test_program_by_path_and_by_search(container):
    assert container.run("/bin/echo", "path", check=0).output == "path\n"
    assert container.run("echo", "search", check=0).output == "search\n"


def test_search_uses_the_container_s_path(container):
    (container.rootfs / "var/tool").write_text("#!/bin/sh\necho found\n")
    (container.rootfs / "var/tool").chmod(0o755)
    container.process["env"] = ["PATH=/nowhere:/var"]
    assert container.run("tool", check=0).output == "found\n"


def test_program_relative_to_the_working_directory(container):
    container.process["cwd"] = "/bin"
    assert container.run("./echo", "here", check=0).output == "here\n"


def test_empty_arguments_survive(container):
    assert container.run("sh", "-c", 'echo "$#:$1:$2"', "sh", "", "a b", check=0).output == "2::a b\n"


def test_no_arguments(container):
    container.process["args"] = []
    container.fails()


def test_environment_is_the_given_one(container):
    container.process["env"] = ["PATH=/bin", "A=1", "A=2", "EMPTY=", "SPACE=a b"]
    lines = container.run("env", check=0, env={**os.environ, "FROM_OUTSIDE": "x"}).output.splitlines()
    assert "EMPTY=" in lines and "SPACE=a b" in lines
    assert not any("FROM_OUTSIDE" in line for line in lines)
    assert [line for line in lines if line.startswith("A=")][-1] == "A=2"


def test_home_is_set_when_missing(container):
    assert container.shell("echo $HOME").output == "/root\n"


def test_home_is_kept_when_given(container):
    container.process["env"].append("HOME=/var")
    assert container.shell("echo $HOME").output == "/var\n"


# ---- what it may do -------------------------------------------------------------------------------------------------

def test_capabilities(container):
    container.process["capabilities"] = {
        "bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"]}
    output = container.shell("grep ^Cap /proc/self/status; true").output
    values = {line.split(":")[0]: int(line.split()[1], 16) for line in output.splitlines()}
    assert values["CapBnd"] == KILL | CHOWN
    assert values["CapPrm"] == KILL | CHOWN
    assert values["CapInh"] == 0 and values["CapAmb"] == 0


def test_no_capabilities(container):
    container.capabilities()
    assert int(status_field(container, "CapEff"), 16) == 0
    assert int(status_field(container, "CapBnd"), 16) == 0


@needs_root
def test_ambient_capabilities_reach_an_ordinary_user(container):
    container.process["user"] = {"uid": 1000, "gid": 1000}
    for kind in ("bounding", "permitted", "effective", "inheritable", "ambient"):
        container.process["capabilities"][kind] = ["CAP_KILL"]
    assert int(status_field(container, "CapEff"), 16) == KILL


@needs_root
def test_an_ordinary_user_has_none(container):
    container.process["user"] = {"uid": 1000, "gid": 1000}
    assert int(status_field(container, "CapEff"), 16) == 0


@needs_root
def test_capabilities_absent_means_none_for_ordinary_users(container):
    del container.process["capabilities"]
    container.process["user"] = {"uid": 1000, "gid": 1000}
    assert int(status_field(container, "CapEff"), 16) == 0


@lacking("crun", "runc")
def test_unknown_capability_is_said(container):
    """A newer engine may name capabilities that this kernel lacks: the container starts, and the log says so."""
    container.process["capabilities"]["bounding"].append("CAP_FROM_THE_FUTURE")
    result = container.run("true")
    assert "CAP_FROM_THE_FUTURE" in result.errors


@pytest.mark.parametrize("wanted", [True, False])
def test_no_new_privileges(container, wanted):
    container.process["noNewPrivileges"] = wanted
    assert status_field(container, "NoNewPrivs") == str(int(wanted))


@needs_root
def test_set_uid_program_and_no_new_privileges(container):
    path = container.rootfs / "var/busybox"
    path.write_bytes((container.rootfs / "bin/busybox").read_bytes())
    path.chmod(0o4755)
    container.process["user"] = {"uid": 1000, "gid": 1000}
    assert container.run("/var/busybox", "id", "-u", check=0).output == "1000\n"


def test_rlimits(container):
    container.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
                                    {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    assert container.shell("ulimit -Sn; ulimit -Hn; ulimit -c").output == "100\n200\n0\n"


@only_rung
def test_rlimit_above_what_is_allowed_is_clamped_and_said(container):
    """Engines ask for a million descriptors; without CAP_SYS_RESOURCE the most that can be had is the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 512:
        pytest.skip("no room to lower the limit")
    container.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1 << 19, "hard": 1 << 19}]
    lower = ["setpriv", "--bounding-set=-sys_resource"] if ROOT else []
    container.process["args"] = ["sh", "-c", "ulimit -Hn"]
    container.write()
    words = container.command("run", "--bundle", container.bundle, container.id)
    done = subprocess.run([*lower, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 512)))
    assert (done.returncode, done.stdout) == (0, "512\n"), done.stderr
    assert "NOFILE" in done.stderr
    assert soft <= hard


@pytest.mark.parametrize("limits", [[{"type": "RLIMIT_NONSENSE", "soft": 1, "hard": 1}],
                                    [{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}],
                                    [{"type": "RLIMIT_NOFILE", "soft": 9, "hard": 9}] * 2])
def test_wrong_rlimits_are_refused(container, limits):
    if not OURS and len(limits) == 2:
        pytest.skip(f"{NAME} takes a limit given twice")
    container.process["rlimits"] = limits
    container.fails("true", saying="rlimits")


def test_oom_score_adj(container):
    container.process["oomScoreAdj"] = 500
    assert container.shell("cat /proc/self/oom_score_adj").output == "500\n"


@needs_root
@lacking("crun", "runc")
def test_oom_score_adj_that_is_not_allowed_is_clamped_and_said(container):
    container.process["oomScoreAdj"] = -900
    result = container.shell("cat /proc/self/oom_score_adj")
    if result.output.strip() != "-900":
        assert "oom" in result.errors.lower()


# ---- how it is scheduled --------------------------------------------------------------------------------------------

def scheduling(container):
    """(nice, policy) of the program, from fields 19 and 41 of proc_pid_stat(5)."""
    fields = container.run("cat", "/proc/self/stat", check=0).output.rpartition(")")[2].split()
    return int(fields[16]), int(fields[38])


@lacking("crun", "runc")
def test_scheduler_batch_and_nice(container):
    container.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    assert scheduling(container) == (5, os.SCHED_BATCH)


@lacking("crun", "runc")
def test_scheduler_idle(container):
    container.process["scheduler"] = {"policy": "SCHED_IDLE"}
    assert scheduling(container)[1] == os.SCHED_IDLE


@lacking("crun", "runc")
@pytest.mark.parametrize("scheduler", [{"policy": "SCHED_NONSENSE"}, {"policy": "SCHED_OTHER", "priority": 5},
                                       {"policy": "SCHED_OTHER", "nice": 50},
                                       {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_NONSENSE"]}])
def test_wrong_scheduler_is_refused(container, scheduler):
    container.process["scheduler"] = scheduler
    container.fails("true")


@lacking("crun", "runc")
def test_io_priority(container):
    container.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
    assert container.shell("ionice -p $$").output.split() == ["best-effort:", "prio", "6"]


@lacking("crun", "runc")
def test_io_priority_idle(container):
    container.process["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}
    assert "idle" in container.shell("ionice -p $$").output


@lacking("crun", "runc")
def test_wrong_io_priority_is_refused(container):
    container.process["ioPriority"] = {"class": "IOPRIO_CLASS_NONSENSE", "priority": 1}
    container.fails("true")


@lacking("crun", "runc")
def test_exec_cpu_affinity(container):
    if not {0} <= os.sched_getaffinity(0) or os.cpu_count() < 2:
        pytest.skip("needs two CPUs, among them 0")
    container.process["execCPUAffinity"] = {"initial": "0", "final": "0"}
    container.start()
    assert container.exec("sh", "-c", "taskset -p $$ | sed s/.*:.//", check=0).output.strip() == "1"


# ---- what the kernel pretends to be ---------------------------------------------------------------------------------

@lacking("runc")
def test_personality(container):
    container.linux["personality"] = {"domain": "LINUX32"}
    assert container.shell("uname -m").output.strip() in ("i686", "armv8l")


@lacking("runc")
def test_wrong_personality_is_refused(container):
    container.linux["personality"] = {"domain": "SOLARIS"}
    container.fails("true")


# ---- Landlock, our annotation ---------------------------------------------------------------------------------------

def landlock(container, text):
    container.config["annotations"] = {"org.rung.landlock": text}


@only_rung
def test_landlock_paths(container):
    landlock(container, '{"paths":[{"path":"/","access":["read","execute"]},'
                        '{"path":"/tmp","access":["read","write"]},{"path":"/dev","access":["read","write"]}]}')
    script = "echo a > /tmp/a && cat /tmp/a; echo b > /var/b 2>/dev/null || echo walled"
    assert container.shell(script).output == "a\nwalled\n"
    container.delete("--force")


@only_rung
def test_landlock_holds_in_exec_too(container):
    landlock(container, '{"paths":[{"path":"/","access":["read","execute"]}]}')
    container.start()
    assert container.exec("sh", "-c", "echo b > /var/b").status != 0


@only_rung
@pytest.mark.parametrize("text", ["{", "[]", '{"paths":1}', '{"paths":[{"path":"/"}]}', '{"unknown":true}',
                                  '{"paths":[{"path":"/","access":["fly"]}]}',
                                  '{"ports":[{"port":70000,"access":["connect"]}]}',
                                  '{"paths":[{"path":"/missing","access":["read"]}]}'])
def test_wrong_landlock_rules_are_refused(container, text):
    landlock(container, text)
    container.fails("true", saying="andlock")
