"""`rung run --rootfs DIR`: status, streams, signals, the options of Docker's and Podman's users."""

import os
import signal
import subprocess

import pytest
from conftest import ROOT, needs_root, subordinate, wait_until
from running import run  # noqa: F401 (a fixture)

RANGED = ROOT or subordinate("uid") is not None
needs_ids = pytest.mark.skipif(not RANGED, reason="this user has no subordinate ids")


@pytest.mark.parametrize("status", [0, 1, 2, 125, 126, 127, 128, 255])
def test_status_of_the_program(run, status):
    assert run(f"exit {status}").status == status


def test_status_of_what_cannot_run(run):
    assert run(["no-such-program"]).status == 127
    assert run(["/etc"]).status == 126
    (run.rootfs / "bin/plain").write_text("x")
    assert run(["/bin/plain"]).status == 126
    assert run(["no-such-program"], "--init").status == 127


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV"])
def test_status_after_a_signal(run, name):
    assert run(f"kill -{name} $$", "--init").status == 128 + getattr(signal, f"SIG{name}")


def test_usage(run):
    run.refused("", "COMMAND is missing|is missing", command=[])
    run.directory = "/"
    run.rootfs = "/no/such/tree"
    run.refused("", "/no/such/tree")
    run.rootfs = "/etc/passwd"
    run.refused("", "Not a directory")
    result = run.host(["--read-only", "true"])
    assert result.status == 125 and "before @host" in result.errors


# ---- streams


def test_input_is_passed_on_only_with_i(run):
    every_byte = bytes(range(256)) * 1000
    assert run(["cat"], "-i", data=every_byte, binary=True).output == every_byte
    assert run(["cat"], data=b"not for you").output == ""


def test_large_output_to_a_slow_reader(run):
    process = run.popen("dd if=/dev/zero bs=65536 count=100 2>/dev/null; echo end >&2", stdout=subprocess.PIPE)
    size = 0
    while chunk := os.read(process.stdout.fileno(), 999):
        size += len(chunk)
    assert size == 65536 * 100 and run.end(process) == 0


def test_closed_output_ends_the_program(run):
    process = run.start("echo ready; exec yes", "--init")
    process.stdout.close()
    assert run.end(process) == 128 + signal.SIGPIPE


def test_a_long_pipeline(run):
    assert run.output("seq 1000000 | sort -rn | head -1") == "1000000"


# ---- signals


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1", "USR2", "QUIT"])
@pytest.mark.parametrize("init", ["", "--init"])
def test_signals_are_passed_on(run, name, init):
    process = run.start(f"trap 'echo got; exit 7' {name}; echo ready; while :; do sleep 0.05; done", init)
    process.send_signal(getattr(signal, f"SIG{name}"))
    assert process.stdout.read() == b"got\n" and run.end(process) == 7


def records_and_layers(run):
    return {path.name.lstrip(".") for path in [*run.layers.iterdir(), *run.records.iterdir()]}


@pytest.mark.parametrize("user", ["0", pytest.param("1000", marks=needs_ids)])
def test_killed_rung_takes_its_program_along_and_is_swept(run, user):
    run("true", check=0)
    before = records_and_layers(run)
    process = run.start("echo ready; exec sleep 1000", ["-u", user])
    (mine,) = records_and_layers(run) - before
    process.kill()
    process.wait()
    assert process.stdout.read() == b"", "the program lives on"
    wait_until(lambda: run("true", check=0) and mine not in records_and_layers(run), "a later run removes the rest")


def test_killed_run_leaves_its_name_usable(run):
    name = run.name()
    process = run.start("echo mark > /mark; echo ready; exec sleep 1000", ["--name", name])
    process.kill()
    process.wait()
    assert process.stdout.read() == b""
    assert run.output("cat /mark", ["--name", name, "--rm"]) == "mark"


# ---- names


def test_a_name_keeps_changes(run):
    name = run.name()
    run("echo one > /note; rm /etc/group", ["--name", name], check=0)
    assert run.output("cat /note; ls /etc", ["--name", name]) == "one\nhostname\nhosts\npasswd"
    assert run("cat /note", ["--name", name, "--rm"], check=0).output == "one\n"
    assert run("cat /note").status == 1
    assert not (run.rootfs / "note").exists() and (run.rootfs / "etc/group").exists()
    assert run("cat /note", ["--name", name, "--rm"]).status == 1, "--rm kept it"


def test_a_name_in_use(run):
    name = run.name()
    process = run.start("echo x > /x; echo ready; read line; cat /x", ["-i", "--name", name], stdin=subprocess.PIPE)
    run.refused(["--name", name, "--rm"], "is running already")
    process.stdin.close()
    assert process.stdout.read() == b"x\n", "the second run took the first one's layer"
    assert run.end(process) == 0
    run("true", ["--name", name, "--rm"], check=0)


@pytest.mark.parametrize("name", ["a b", "../x", ".x", "a/b", "x\n", "ä"])
def test_bad_names(run, name):
    run.refused(["--name", name], "is not valid")


def test_a_named_run_that_never_began_leaves_nothing(run):
    run.refused(["--name", run.name(), "-v", "/no/such:/x"], "/no/such")
    run.refused(["--name", run.name(), "-v", "/etc/passwd:/etc/passwd/x"], "/etc/passwd/x")


def test_explain_makes_nothing(run):
    text = run.output(["prog", "arg"], ["--explain", "--name", run.name(), "-e", "A=B"])
    assert "prog arg" in text and "A=B" in text and "default policy" in text
    text = run.output(["prog"], "--explain --security-opt seccomp=unconfined")
    assert "system calls  all" in text


# ---- volumes


def test_volumes(run):
    (run.work / "here").mkdir()
    (run.work / "here/file").write_text("content\n")
    assert run.output("cat /v/file; echo new > /v/new", "-v ./here:/v") == "content"
    assert (run.work / "here/new").read_text() == "new\n"
    assert run.output("cat /v/here/file", "-v .:/v") == "content"
    assert "Read-only" in run("echo x > /v/file", "-v ./here:/v:ro").errors
    assert run.output("cat /etc/one", "-v ./here/file:/etc/one") == "content" if ROOT else True
    assert (run.work / "here/file").read_text() == "content\n"


@pytest.mark.parametrize("volume, saying", [("/no/such:/v", "No such file"), ("/tmp:/v:shiny", "shiny"), ("here/file:/v", "name"),
                                            (":/v", "SOURCE"), (":", "SOURCE"), ("/tmp:relative", "relative")])
def test_bad_volumes(run, volume, saying):
    run.refused(["-v", volume], saying)


def test_tmpfs(run):
    assert run.output("mount | grep ' /scratch '; touch /scratch/x", "--tmpfs /scratch:size=1m,mode=700").count("tmpfs") >= 1
    run("touch /tmp/x", "--read-only --tmpfs /tmp", check=0)
    run.refused("--tmpfs scratch", "absolute")


def test_read_only(run):
    assert "Read-only" in run("touch /x", "--read-only").errors
    assert "Read-only" in run("touch /etc/x", "--read-only").errors
    run("touch /dev/shm/x", "--read-only", check=0)


# ---- environment


def test_environment(run):
    (run.work / "file").write_text("# comment\n\nA=file\nB=file\n  C=file\nOURS\n")
    run.environment.update(OURS="ours", SECRET="secret")
    shown = run.output(["env"], "-e A=one -e A=two --env-file file -e EMPTY= -e OURS -e ABSENT").splitlines()
    assert [line for line in shown if line.startswith("A=")] == ["A=two"]
    assert {"B=file", "C=file", "EMPTY=", "OURS=ours", "container=rung"} <= set(shown)
    assert not any(line.startswith(("SECRET", "ABSENT", "XDG")) for line in shown)
    run.refused("-e =x", "name is missing")
    run.refused("--env-file no-such-file", "no-such-file")


def test_working_directory(run):
    assert run.output("pwd") == "/"
    assert run.output("pwd", "-w /etc") == "/etc"
    assert run.output("pwd", "-w /tmp/made/here") == "/tmp/made/here"
    run.refused("-w relative", "not absolute")


# ---- users


@needs_ids
@pytest.mark.parametrize("user, shown", [("guest", "1000 1000 1000 2000"), ("1000", "1000 1000 1000 2000"),
                                         ("guest:root", "1000 0 0"), ("0:5", "0 5 5"), ("77:78", "77 78 78")])
def test_users(run, user, shown):
    assert run.output("echo $(id -u) $(id -g) $(id -G)", ["-u", user]) == shown


@pytest.mark.parametrize("user", ["nobody-such", "root:nobody-such", ":", "0:", "1:2:3", "-1"])
def test_unknown_users(run, user):
    run.refused(["--user=" + user], "user|group")


def test_home(run):
    assert run.output("echo $HOME") == "/root"
    assert run.output("echo $HOME", "-e HOME=/elsewhere") == "/elsewhere"
    if RANGED:
        assert run.output("echo $HOME", "-u guest") == "/home"


@pytest.mark.skipif(ROOT or RANGED, reason="needs a user without subordinate ids")
def test_users_without_ids(run):
    run.refused("-u guest", "does not exist in your user namespace")


# ---- names on the network


def test_hostname_and_hosts(run):
    assert run.output("hostname; grep -c box /etc/hosts", "-h box") == "box\n1"
    assert run.output("ip -o link | wc -l") == "1"


def test_host_network(run):
    ours = len(os.listdir("/sys/class/net"))
    shown = run.output("hostname; ls /sys/class/net | wc -l; cat /etc/hosts; cat /etc/resolv.conf", "--network host")
    assert shown.splitlines()[:2] == [os.uname().nodename, str(ours)]
    with open("/etc/hosts", encoding="utf-8") as hosts, open("/etc/resolv.conf", encoding="utf-8") as servers:
        assert hosts.read().strip() in shown and servers.read().strip() in shown
    run.refused("--network bridge", "none, host")


# ---- limits


@needs_root
def test_out_of_memory(run):
    result = run("exec tail /dev/zero", "-m 16m")
    assert result.status == 137 and "out-of-memory" in result.errors


@needs_root
def test_limits(run):
    assert "ork" in run("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait", "--pids-limit 4").errors
    shown = run.output("cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || true", "--cpus 1.5")
    assert shown.split()[0] == "150000"
    run.refused("--cpus 0.0001", "less than")


@pytest.mark.skipif(ROOT, reason="is about ordinary users")
def test_a_limit_that_cannot_be_honoured_is_refused(run):
    result = run("true", "-m 64m")
    assert result.status == 0 or (result.status == 125 and "hint:" in result.errors)


def test_ulimit_and_shm(run):
    assert run.output("ulimit -Sn; ulimit -Hn", "--ulimit nofile=100:200") == "100\n200"
    run.refused("--ulimit nofile=2:1", "above the hard")
    run.refused("--ulimit nonsense=1", "nonsense")
    assert run.output("df -k /dev/shm | tail -1", "--shm-size 1m").split()[1] == "1024"


# ---- powers


def effective(run, options):
    return int(run.output("grep CapEff /proc/self/status", options).split()[1], 16)


def test_capabilities(run):
    assert effective(run, "--cap-drop ALL") == 0
    assert effective(run, "--cap-drop ALL --cap-add CHOWN") == 1
    assert effective(run, "--cap-add cap_net_raw") & 1 << 13
    everything = effective(run, "--cap-add ALL --cap-drop CHOWN")
    assert not everything & 1 and everything & 1 << 21
    assert not effective(run, "") & (1 << 21 | 1 << 13)
    run.refused("--cap-add NONSENSE", "NONSENSE")


def test_security_options(run):
    assert run.output("grep NoNew /proc/self/status", "--security-opt no-new-privileges").endswith("1")
    assert run.output("grep Seccomp: /proc/self/status").endswith("2")
    assert run.output("grep Seccomp: /proc/self/status", "--security-opt seccomp=unconfined").endswith("0")
    (run.work / "profile").write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": '
                                      '[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}')
    assert "not permitted" in run("mkdir /tmp/x", "--security-opt seccomp=profile").errors
    assert run.output("cat /etc/passwd", "--security-opt mask=/etc/passwd") == ""
    run.refused("--security-opt seccomp=/no/such", "/no/such")
    run.refused("--security-opt nonsense", "not known")
    if not os.path.isdir("/sys/kernel/security/apparmor"):
        run.refused("--security-opt apparmor=profile", "AppArmor")


def test_device(run):
    assert run.output("echo x > /dev/other; ls -l /dev/other", "--device /dev/null:/dev/other")
    run.refused("--device /no/such", "/no/such")
    run.refused("--device /etc/passwd", "not a device")


@needs_root
def test_privileged_runs_rung_inside(run):
    options = ["--privileged", "--tmpfs", "/var/lib/rung", "-v", f"{os.path.dirname(os.path.abspath(run.words('', 'x', 0)[0]))}:/rung"]
    result = run(["/rung/rung", "run", "--rootfs", "/", "echo", "inner"], options)
    assert result.status == 0 and result.output == "inner\n", result


# ---- odd roots


@pytest.mark.parametrize("name", [b"a b", b"a:b", b"a,b", b'a"b', b"a\\b", b"a\xffb", b"x" * 250, b'all:,\\" \xff'])
def test_odd_names_of_the_root(run, name):
    odd = os.fsencode(run.work) + b"/" + name
    os.rename(run.rootfs, odd)
    run.rootfs = os.fsdecode(odd)
    run("echo x > /new && cat /new", check=0)
    assert not os.path.exists(odd + b"/new")


def test_a_root_without_directories(run):
    for name in ("dev", "proc", "sys"):
        (run.rootfs / name).rmdir()
    assert run.output("ls -d /dev/null /proc/1 /sys/kernel").split() == ["/dev/null", "/proc/1", "/sys/kernel"]


@pytest.mark.parametrize("name", ["dev", "proc"])
def test_a_root_with_links_for_directories(run, name):
    (run.rootfs / name).rmdir()
    (run.rootfs / name).symlink_to("/etc")
    result = run("touch /etc/mark; echo ran")
    assert result.output == "ran\n" or (result.status == 125 and ("link" in result.errors or "real directory" in result.errors))
    assert not os.path.exists("/etc/mark")


@needs_root
def test_full_disk(run):
    """The data directory of root is /var/lib/rung; a small one is mounted there in a mount namespace of the test's."""
    script = ('mkdir -p /var/lib/rung && mount -t tmpfs -o size=64k,nr_inodes=9 none /var/lib/rung && '
              f'{run.words("", "x", 0)[0]} run --rootfs {run.rootfs} true; echo $?; find /var/lib/rung/containers -mindepth 1')
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "125\n" and "No space left" in done.stderr, done
