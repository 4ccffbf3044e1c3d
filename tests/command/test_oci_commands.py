"""Each command of `rung oci`: what it prints, its exit status, the spelling of options that engines use."""

import json
import os
import re
import signal
import subprocess

import pytest

from conftest import NAME, OURS, ROOT, RUNTIME, lacking, needs_root, only_rung, wait_until


# ---- spec, features, version, help ----------------------------------------------------------------------------------

def test_spec_writes_a_configuration_that_runs(container):
    options = [] if ROOT else ["--rootless"]
    container.oci("spec", *options, cwd=container.bundle, check=0)
    config = json.loads((container.bundle / "config.json").read_text(encoding="utf-8"))
    assert config["root"]["path"] == "rootfs"
    config["process"].update(terminal=False, args=["echo", "hello"])
    config["process"].pop("rlimits", None)
    config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "cgroup"]
    (container.bundle / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert container.oci("run", container.id, cwd=container.bundle, check=0).output == "hello\n"


def test_spec_does_not_overwrite(container):
    (container.bundle / "config.json").write_text("{}")
    result = container.oci("spec", cwd=container.bundle)
    assert result.status != 0
    assert (container.bundle / "config.json").read_text() == "{}"


@lacking("crun")
def test_spec_rootless_maps_the_caller(container):
    container.oci("spec", "--rootless", cwd=container.bundle, check=0)
    config = json.loads((container.bundle / "config.json").read_text(encoding="utf-8"))
    assert {"type": "user"} in config["linux"]["namespaces"]
    assert config["linux"]["uidMappings"][0]["hostID"] == os.geteuid()


@lacking("crun", "runc")
def test_features_is_the_specification_s_json(container):
    features = json.loads(container.oci("features", check=0).output)
    assert features["ociVersionMin"] == "1.0.0"
    assert features["ociVersionMax"].startswith("1.")
    assert {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"} == \
        set(features["hooks"])
    assert {"bind", "rro", "tmpcopyup", "idmap", "ridmap"} <= set(features["mountOptions"])
    linux = features["linux"]
    assert {"time", "user", "cgroup"} <= set(linux["namespaces"])
    assert "CAP_SYS_ADMIN" in linux["capabilities"]
    assert linux["cgroup"]["v1"] is True and linux["cgroup"]["v2"] is True
    assert linux["seccomp"]["enabled"] is True
    assert "SCMP_ACT_NOTIFY" in linux["seccomp"]["actions"]
    assert linux["mountExtensions"]["idmap"]["enabled"] is True


def test_version_tells_the_specification_too(container):
    assert re.search(r"^spec: 1\.", container.oci("--version", check=0).output, re.MULTILINE)


def test_help_goes_to_output_and_succeeds(container):
    for words in (["--help"], ["run", "--help"], ["exec", "--help"]):
        result = container.oci(*words, check=0)
        assert "--" in result.output and not result.errors


@pytest.mark.parametrize("words", [["nonsense"], ["run", "--nonsense", "x"], ["kill"], ["state"], ["delete"],
                                   ["exec", "--nonsense"]])
def test_wrong_words_are_an_error(container, words):
    result = container.oci(*words)
    assert result.status != 0
    assert result.errors.strip()


@only_rung
@pytest.mark.parametrize("name", ["crun", "runc", "rung-oci"])
def test_started_under_the_name_of_another_runtime(container, name):
    link = container.work / name
    link.symlink_to(RUNTIME[0])
    container.write()
    done = subprocess.run([link, "--root", container.work / "state", "run", "--bundle", container.bundle,
                           container.id], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


# ---- lifecycle ------------------------------------------------------------------------------------------------------

def test_run_passes_output_input_and_status(container):
    container.process["args"] = ["sh", "-c", "read line; echo out: $line; echo err >&2; exit 7"]
    container.write()
    result = subprocess.run(container.command("run", "--bundle", container.bundle, container.id), input=b"given\n",
                            capture_output=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (7, b"out: given\n", b"err\n")


@pytest.mark.parametrize("word", ["KILL", "TERM", "SEGV"])
def test_run_ends_like_the_program_a_signal_killed(container, word):
    # PID 1 is deaf to signals it has no handler for: the shell's child dies of it, and the shell tells.
    result = container.shell(f"sh -c 'kill -{word} $$'; exit $?", check=None)
    assert result.status == 128 + getattr(signal, f"SIG{word}")


def test_program_not_found(container):
    """Engines turn this very sentence into exit status 127."""
    result = container.run("no-such-program")
    assert result.status != 0
    assert re.search("executable file .*not found", result.errors)


def test_create_state_start_kill_delete(container):
    container.create("sh", "-c", "echo started; sleep 1000")
    state = container.state()
    assert state["status"] == "created"
    assert state["id"] == container.id
    assert state["bundle"] == str(container.bundle)
    assert os.path.realpath(f"/proc/{state['pid']}/root") == str(container.rootfs) or state["pid"] > 0
    assert container.output() == "", "the program ran before start"
    container.oci("start", container.id, check=0)
    assert container.status() == "running"
    wait_until(lambda: container.output() == "started\n", "the program writes")
    container.oci("kill", container.id, "KILL", check=0)
    container.wait_stopped()
    container.delete()
    assert container.oci("state", container.id).status != 0


def test_state_carries_annotations_and_root(container):
    container.config["annotations"] = {"com.example.key": "value"}
    container.create("true")
    state = container.state()
    assert state["annotations"]["com.example.key"] == "value"
    assert state["ociVersion"].startswith("1.")


def test_config_may_change_after_create(container):
    container.create("echo", "old")
    container.process["args"] = ["echo", "new"]
    container.write()
    container.oci("start", container.id, check=0)
    wait_until(container.output, "the program writes")
    assert container.output() == "old\n"


def test_start_twice_is_an_error(container):
    container.start()
    result = container.oci("start", container.id)
    assert result.status != 0 and result.errors
    assert container.status() == "running"


def test_delete_of_a_running_container_needs_force(container):
    container.start()
    assert container.delete(check=None).status != 0
    assert container.status() == "running"
    container.delete("--force")
    assert container.oci("state", container.id).status != 0


def test_delete_of_a_created_container(container):
    container.create("true")
    container.delete("--force")
    assert container.oci("state", container.id).status != 0


def test_delete_unknown(container):
    result = container.oci("delete", "nobody")
    assert result.status != 0 and result.errors
    # Engines delete by force what may be gone already.
    container.oci("delete", "--force", "nobody", check=0)


@lacking("runc")
def test_delete_by_pattern(container):
    other = container.another()
    container.start()
    other.start()
    container.oci("delete", "--force", "--regex", f"rung-test-{os.getpid()}-.*", check=0)
    assert container.oci("state", container.id).status != 0
    assert container.oci("state", other.id).status != 0


def test_an_id_is_used_once(container):
    container.create("true")
    result = container.oci("create", "--bundle", container.bundle, container.id)
    assert result.status != 0 and result.errors
    assert container.status() == "created"


@pytest.mark.parametrize("name", ["a/b", "../x", "..", ".", "", "a b", "a\nb", "a\x01b", "ä", "x" * 2000])
def test_strange_ids_are_refused(container, name):
    if NAME == "crun" and name in ("a b", "a\x01b", "ä"):
        pytest.skip("crun takes these")
    container.write()
    result = container.oci("create", "--bundle", container.bundle, name)
    assert result.status != 0 and result.errors.strip()
    left = list((container.work / "state").glob("*")) if (container.work / "state").exists() else []
    assert [path.name for path in left if not path.name.startswith(".") and path.name != "lock"] == []


def test_current_directory_is_the_default_bundle(container):
    container.process["args"] = ["echo", "here"]
    container.write()
    assert container.oci("run", container.id, cwd=container.bundle, check=0).output == "here\n"


@lacking("runc")
def test_config_by_another_name(container):
    container.process["args"] = ["echo", "other"]
    container.write()
    os.rename(container.bundle / "config.json", container.bundle / "other.json")
    result = container.oci("run", "--bundle", container.bundle, "--config", container.bundle / "other.json",
                           container.id, check=0)
    assert result.output == "other\n"


def test_run_detached_and_pid_file(container):
    container.process["args"] = ["sleep", "1000"]
    container.write()
    pid_file = container.work / "pid"
    container.oci("run", "--detach", "--bundle", container.bundle, "--pid-file", pid_file, container.id, check=0)
    assert int(pid_file.read_text(encoding="ascii")) == container.pid()
    assert container.status() == "running"


@only_rung
def test_run_keep_leaves_the_stopped_container(container):
    container.run("true", options=["--keep"], check=0)
    assert container.status() == "stopped"


def test_run_removes_the_container(container):
    container.run("true", check=0)
    assert container.oci("state", container.id).status != 0


def test_run_forwards_signals(container):
    container.process["args"] = ["sh", "-c", "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.1; done"]
    container.write()
    process = container.spawn("run", "--bundle", container.bundle, container.id)
    wait_until(lambda: "ready" in container.output(), "the trap is set")
    process.send_signal(signal.SIGTERM)
    result = container.result(process)
    assert (result.status, result.output) == (9, "ready\ngot\n")


def test_preserved_descriptors(container):
    taken = [os.open("/dev/null", os.O_RDONLY) for _ in range(4)]  # 3 is in use now, by us or by pytest
    kept = os.dup(3)
    read, write = os.pipe()
    try:
        os.dup2(write, 3)
        container.process["args"] = ["sh", "-c", "echo through >&3; ls /proc/self/fd | wc -l"]
        container.write()
        container.oci("run", "--preserve-fds", "1", "--bundle", container.bundle, container.id, check=0, pass_fds=[3])
        assert os.read(read, 100) == b"through\n"
    finally:
        os.dup2(kept, 3, inheritable=False)
        for fd in (kept, read, write, *taken):
            os.close(fd)


def test_other_descriptors_stay_outside(container):
    secret = os.open("/etc", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        result = container.run("ls", "/proc/self/fd", check=0, pass_fds=[secret])
    finally:
        os.close(secret)
    # 3 is ls's own
    assert set(result.output.split()) <= {"0", "1", "2", "3"}


@lacking("crun")
def test_listen_fds_are_passed_on(container):
    container.process["args"] = ["sh", "-c", "echo $LISTEN_FDS:$LISTEN_PID; echo through >&3"]
    container.write()
    activate = ["sh", "-c", "export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\" 3>&1", "activate"]
    command = container.command("run", "--bundle", container.bundle, container.id)
    done = subprocess.run([*activate, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=30)
    assert (done.returncode, sorted(done.stdout.split())) == (0, ["1:1", "through"]), done.stderr


# ---- kill -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "15", "term"])
def test_kill_spellings(container, name):
    if name == "term" and NAME == "crun":
        pytest.skip("crun wants capitals")
    container.start("sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done")
    wait_until(lambda: "ready" in container.output(), "the trap is set")
    container.oci("kill", container.id, name, check=0)
    container.wait_stopped()


@lacking("crun")
def test_kill_unknown_signal_or_container(container):
    container.start()
    for words in (["kill", container.id, "NONSENSE"], ["kill", "nobody", "KILL"]):
        result = container.oci(*words)
        assert result.status != 0 and result.errors
    assert container.status() == "running"


def test_kill_of_a_stopped_container(container):
    container.start("true")
    container.wait_stopped()
    result = container.oci("kill", container.id, "KILL")
    assert result.status != 0
    if OURS:
        # What shims look for before they call it "already gone".
        assert re.search(r"not running|process not found|no such process", result.errors, re.IGNORECASE)


@needs_root
def test_kill_all_reaches_every_process(container):
    container.drop_namespace("pid")
    container.start("sh", "-c", "sleep 1001 & sleep 1002 & echo ready; wait")
    wait_until(lambda: "ready" in container.output(), "the children are there")
    container.oci("kill", "--all", container.id, "KILL", check=0)
    container.wait_stopped()


# ---- list, ps -------------------------------------------------------------------------------------------------------

def test_list(container):
    other = container.another()
    container.start()
    other.create("true")
    table = container.oci("list", check=0).output
    assert container.id in table and other.id in table and "running" in table and "created" in table
    entries = json.loads(container.oci("list", "--format", "json", check=0).output)
    found = {entry["id"]: entry for entry in entries}
    assert found[container.id]["status"] == "running"
    assert found[container.id]["pid"] == container.pid()
    assert found[container.id]["bundle"] == str(container.bundle)
    assert sorted(container.oci("list", "--quiet", check=0).output.split()) == sorted([container.id, other.id])


def test_list_of_nothing(container):
    container.oci("list", check=0)
    output = container.oci("list", "--format", "json", check=0).output
    assert json.loads(output) in ([], None)


@needs_root
def test_ps(container):
    container.start("sh", "-c", "sleep 1234 & echo ready; wait")
    wait_until(lambda: "ready" in container.output(), "the children are there")
    pids = json.loads(container.oci("ps", "--format", "json", container.id, check=0).output)
    assert container.pid() in pids and len(pids) == 2
    if NAME != "crun":
        assert "sleep 1234" in container.oci("ps", container.id, check=0).output


# ---- exec -----------------------------------------------------------------------------------------------------------

def test_exec_runs_inside(container):
    container.start()
    result = container.exec("sh", "-c", "hostname; echo $0 $PATH; exit 5", check=5)
    assert result.output == "container\nsh /bin\n"
    own = os.readlink(f"/proc/{container.pid()}/ns/pid")
    assert container.exec("readlink", "/proc/self/ns/pid", check=0).output.strip() == own


@lacking("crun")
def test_exec_options(container):
    container.start()
    result = container.exec("sh", "-c", "pwd; echo $A; id -u; id -g", options=["--cwd", "/tmp", "--env", "A=b"], check=0)
    assert result.output.split() == ["/tmp", "b", "0", "0"]


@needs_root
def test_exec_user(container):
    container.start()
    assert container.exec("id", options=["--user", "1000:2000"], check=0).output.startswith("uid=1000(guest) gid=2000")
    assert container.exec("id", "-u", options=["-u", "1000"], check=0).output == "1000\n"


@only_rung
@pytest.mark.parametrize("user", ["12x", "-1", "4294967296", "1:x", ":", "1:2:3"])
def test_exec_refuses_half_numbers(container, user):
    container.start()
    result = container.exec("id", options=["--user", user])
    assert result.status != 0 and result.errors


def test_exec_process_file(container):
    container.start()
    process = {**container.process, "args": ["sh", "-c", "echo $FROM; pwd"], "env": ["PATH=/bin", "FROM=file"],
               "cwd": "/var"}
    path = container.work / "process.json"
    path.write_text(json.dumps(process), encoding="utf-8")
    assert container.oci("exec", "--process", path, container.id, check=0).output == "file\n/var\n"


def test_exec_detached_with_pid_file(container):
    container.start()
    pid_file = container.work / "exec.pid"
    container.exec("sleep", "1000", options=["--detach", "--pid-file", pid_file], check=0)
    pid = int(pid_file.read_text(encoding="ascii"))
    assert os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink(f"/proc/{container.pid()}/ns/mnt")


def test_exec_program_not_found(container):
    container.start()
    result = container.exec("no-such-program")
    assert result.status != 0
    assert re.search("executable file .*not found", result.errors)


def test_exec_not_executable(container):
    (container.rootfs / "etc/plain").write_text("text")
    container.start()
    result = container.exec("/etc/plain")
    assert result.status != 0
    assert "ermission denied" in result.errors


def test_exec_in_a_container_that_does_not_run(container):
    container.create("true")
    container.oci("start", container.id, check=0)
    container.wait_stopped()
    result = container.exec("true")
    assert result.status != 0 and result.errors


def test_exec_killed_by_a_signal(container):
    container.start()
    assert container.exec("sh", "-c", "kill -KILL $$").status == 137


def test_exec_passes_input(container):
    container.start()
    done = subprocess.run(container.command("exec", container.id, "cat"), input=b"through", capture_output=True,
                          check=True)
    assert done.stdout == b"through"


@lacking("crun")
def test_exec_keeps_the_container_s_walls(container):
    container.start()
    own = "grep -E '^(Cap|NoNewPrivs|Seccomp)' /proc/self/status"
    pid = container.pid()
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        wanted = [line for line in file if re.match("Cap|NoNewPrivs|Seccomp", line)]
    assert container.exec("sh", "-c", own, check=0).output == "".join(wanted)


@needs_root
def test_exec_extra_capability(container):
    container.start()
    option = ["--cap", "CAP_NET_ADMIN"]
    output = container.exec("sh", "-c", "grep CapEff /proc/self/status", options=option, check=0).output
    assert int(output.split()[1], 16) & 1 << 12


@lacking("crun")
def test_exec_preserves_descriptors(container):
    container.start()
    result = container.exec("sh", "-c", "readlink /proc/self/fd/3 >/dev/null && echo there",
                            options=["--preserve-fds", "1"], preexec_fn=lambda: os.dup2(1, 3), pass_fds=[3])
    assert result.output == "there\n"


@lacking("crun")
def test_exec_uses_the_container_s_environment_and_directory(container):
    container.process["cwd"] = "/var"
    container.process["env"].append("KEEP=yes")
    container.start()
    assert container.exec("sh", "-c", "pwd; echo $KEEP", check=0).output == "/var\nyes\n"


# ---- pause, resume, update, events: see test_oci_resources.py -------------------------------------------------------

# ---- global options and the log -------------------------------------------------------------------------------------

def test_json_log(container):
    log = container.work / "log.json"
    result = container.oci("start", "nobody", globals_=["--log", log, "--log-format", "json"])
    assert result.status != 0
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["level"] == "error"
    assert lines[-1]["msg"] and lines[-1]["time"]


def test_text_log(container):
    log = container.work / "log"
    assert container.oci("start", "nobody", globals_=["--log", log]).status != 0
    assert log.read_text(encoding="utf-8").strip()


def test_debug_log_says_more(container):
    log = container.work / "log"
    container.write()
    container.oci("run", "--bundle", container.bundle, container.id, globals_=["--debug", "--log", log], check=0)
    if OURS:
        assert log.read_text(encoding="utf-8").strip()


@lacking("runc")
@pytest.mark.parametrize("options", [["--cgroup-manager", "cgroupfs"], ["--cgroup-manager=cgroupfs"]])
def test_global_options_of_crun(container, options):
    container.write()
    container.oci("run", "--bundle", container.bundle, container.id, globals_=options, check=0)


@lacking("crun")
@pytest.mark.parametrize("options", [["--rootless", "auto"], ["--rootless=auto"], ["--criu", "criu"]])
def test_global_options_of_runc(container, options):
    container.write()
    container.oci("run", "--bundle", container.bundle, container.id, globals_=options, check=0)


@pytest.mark.parametrize("options", [["--no-new-keyring"], ["--no-pivot"], ["--bundle={bundle}"], ["-b", "{bundle}"]])
def test_create_options(container, options):
    if options == ["--no-pivot"] and not ROOT:
        pytest.skip("needs root")
    container.write()
    words = [word.format(bundle=container.bundle) for word in options]
    if not any("bundle" in word for word in options):
        words += ["--bundle", container.bundle] if "-b" not in options else []
    container.oci("create", *words, container.id, check=0)
    assert container.status() == "created"


def test_state_directory_by_default(container):
    """Without --root: /run/rung for root, $XDG_RUNTIME_DIR/rung for others."""
    runtime_directory = container.work / "xdg"
    runtime_directory.mkdir(mode=0o700)
    container.write()
    words = [word for word in container.command("run", "--bundle", container.bundle, container.id)
             if word != "--root" and word != str(container.work / "state")]
    done = subprocess.run(words, env={**os.environ, "XDG_RUNTIME_DIR": str(runtime_directory)}, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_two_containers_at_once(container):
    """Ten at a time: none may disturb another's state or cgroup."""
    family = [container] + [container.another() for _ in range(9)]
    for one in family:
        one.process["args"] = ["sh", "-c", "echo $0 $$; hostname", one.id]
        one.write()
    running = [(one, one.spawn("run", "--bundle", one.bundle, one.id)) for one in family]
    for one, process in running:
        result = one.result(process)
        assert (result.status, result.output) == (0, f"{one.id} 1\ncontainer\n"), result.errors


def test_deleting_the_same_container_from_two_sides(container):
    container.start()
    both = [container.spawn("delete", "--force", container.id) for _ in range(2)]
    results = [container.result(process) for process in both]
    assert 0 in [result.status for result in results]
    assert container.oci("state", container.id).status != 0


def test_ended_before_anybody_looks(container):
    container.create("true")
    container.oci("start", container.id, check=0)
    container.wait_stopped()
    assert container.state().get("pid", 0) == 0
    container.delete()
