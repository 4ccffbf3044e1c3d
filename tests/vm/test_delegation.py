"""Ordinary users: through their own systemd (alice has every controller, bob what Debian gives), by a delegated
cgroup, and with nothing delegated at all (carol, who has no ranges in /etc/subuid either)."""

import re

import pytest

import oci

MEMORY = 64 << 20
ALICE, BOB, CAROL = 1000, 1001, 1002


def alone(uid):
    """The mapping that needs no helper: the user is root inside, and nobody else exists."""
    return [(0, uid, 1)]


def ranges(uid, first):
    return [(0, uid, 1), (1, first, 65535)]


def in_scope(name, script=None, mapping=None, **resources):
    return oci.config(oci.shell(script) if script else None, f"user.slice:rung:{name}", resources, mapping)


@pytest.fixture(scope="module", autouse=True)
def managers(vm):
    """The systemd of alice and bob runs for the whole of these tests; the first login would start it anyway."""
    vm.check("loginctl enable-linger alice && loginctl enable-linger bob && systemctl start user@1000.service user@1001.service")
    yield
    vm.check("loginctl disable-linger alice; loginctl disable-linger bob; systemctl stop user@1000.service user@1001.service")


@pytest.fixture
def alice(runtimes):
    return runtimes("--systemd-cgroup", user="alice")


@pytest.fixture
def bob(runtimes):
    return runtimes("--systemd-cgroup", user="bob")


# ---- the user's systemd ---------------------------------------------------------------------------

@pytest.mark.parametrize("mapping", [alone(ALICE), ranges(ALICE, 100000)], ids=["one id", "ranges"])
def test_scope_below_the_users_manager(alice, vm, mapping):
    container = alice.container("scope", in_scope("scope", mapping=mapping, memory={"limit": MEMORY}, pids={"limit": 40},
                                                  cpu={"quota": 30000, "period": 100000, "cpus": "1"})).start()
    path = container.cgroup().removesuffix("/container")
    assert path == "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/rung-scope.scope"
    expected = {"memory.max": str(MEMORY), "pids.max": "40", "cpu.max": "30000 100000", "cpuset.cpus": "1"}
    assert container.read(*expected) == expected
    shown = alice.sh("systemctl --user show -p ActiveState -p Delegate rung-scope.scope").out
    assert sorted(shown.split()) == ["ActiveState=active", "Delegate=yes"]
    assert container.delete("--force").status == 0
    assert vm.run(f"test -e {path}").status != 0
    assert "rung-scope" not in alice.sh("systemctl --user list-units --all --plain --no-legend 'rung-*'").out


def test_ranges_are_mapped(alice):
    spec = in_scope("ranges", "cat /proc/self/uid_map; touch /tmp/f && chown 7:8 /tmp/f && stat -c %u:%g /tmp/f",
                    mapping=ranges(ALICE, 100000))
    result = alice.container("ranges", spec).run()
    assert result.status == 0, result
    assert result.out.split() == ["0", "1000", "1", "1", "100000", "65535", "7:8"]


def test_memory_limit_bites(alice):
    spec = in_scope("hog", "exec tail /dev/zero", mapping=alone(ALICE), memory={"limit": 16 << 20, "swap": 16 << 20})
    result = alice.container("hog", spec).run()
    assert result.status == 137, result


def test_pids_limit_bites(alice):
    script = "i=0; while [ $i -lt 20 ]; do sleep 30 & i=$((i+1)); done; echo started all"
    result = alice.container("pids", in_scope("pids", script, mapping=alone(ALICE), pids={"limit": 6})).run()
    assert "started all" not in result.out and "fork" in result.err, result


@pytest.mark.lacks(crun="fails", runc="leaves the new process outside, and without the limits")
def test_exec_joins_the_scope(alice):
    """The caller is in a session of the system's manager: only systemd may move a process from there (AttachProcessesToUnit)."""
    container = alice.container("exec", in_scope("exec", mapping=alone(ALICE), pids={"limit": 40})).start()
    result = container.exec("sleep 4714 >/dev/null 2>&1 & cat /proc/self/cgroup; id -u")
    assert result.status == 0, result
    path, uid = result.out.split()
    assert path.startswith("0::/") and ".." not in path and uid == "0", result
    pid = alice.sh("pgrep -f '^sleep 4714'").out.strip()
    assert "/rung-exec.scope" in alice.sh(f"cat /proc/{pid}/cgroup").out


def test_pause(alice):
    container = alice.container("pause", in_scope("pause", mapping=alone(ALICE), pids={"limit": 40})).start()
    assert container.verb("pause").status == 0
    assert "frozen 1" in container.read("cgroup.events")
    assert container.verb("resume").status == 0
    assert "frozen 0" in container.read("cgroup.events")


def test_update(alice):
    container = alice.container("update", in_scope("update", mapping=alone(ALICE), pids={"limit": 40})).start()
    result = container.verb("update", "--pids-limit", "41")
    assert result.status == 0, result
    assert container.read("pids.max") == "41"


def test_memory_limit_with_debians_delegation(bob):
    container = bob.container("memory", in_scope("memory", mapping=alone(BOB), memory={"limit": MEMORY})).start()
    assert container.read("memory.max") == str(MEMORY)


@pytest.mark.lacks(crun="starts without the limit and says nothing", runc="starts without the limit and says nothing")
@pytest.mark.parametrize("resources,controller", [
    ({"cpu": {"cpus": "1"}}, "cpuset"),
    ({"unified": {"io.max": "254:0 rbps=1048576"}}, "io"),
])
def test_limit_that_is_not_delegated_is_named(bob, vm, resources, controller):
    given = vm.check("cat /sys/fs/cgroup/user.slice/user-1001.slice/user@1001.service/cgroup.controllers").split()
    assert controller not in given
    result = bob.container("undelegated", in_scope("undelegated", mapping=alone(BOB), **resources)).create()
    assert result.status != 0, result
    assert re.search(rf"\b{controller}\b", result.err), result


@pytest.mark.lacks(crun="says sd-bus")
def test_without_a_user_bus_it_says_so(alice):
    container = alice.container("nobus", in_scope("nobus", mapping=alone(ALICE)))
    words = container.words("create", "--bundle", container.bundle)
    result = container.with_bundle(f"env XDG_RUNTIME_DIR=/nonexistent DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus {words}")
    assert result.status != 0
    assert re.search(r"systemd|D-?Bus|/nonexistent", result.err, re.IGNORECASE), result


# ---- a delegated cgroup, without asking systemd ------------------------------------------------------

DELEGATED = """
    set -e
    own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
    mkdir $own/self && echo $$ >$own/self/cgroup.procs && echo '+memory +pids' >$own/cgroup.subtree_control
    cd {bundle} && sed -i "s,PARENT,${{own#/sys/fs/cgroup}}," config.json
    {create} </dev/null && {start}
    cat $own/ctr/memory.max $own/ctr/pids.max
    {delete}
    test ! -e $own/ctr"""


def test_cgroup_files_in_a_delegated_cgroup(runtimes):
    runtime = runtimes(user="alice")
    spec = oci.config(None, "PARENT/ctr", {"memory": {"limit": MEMORY}, "pids": {"limit": 40}}, alone(ALICE))
    container = runtime.container("files", spec)
    script = DELEGATED.format(bundle=container.bundle, create=container.words("create", "--bundle", container.bundle),
                              start=container.words("start"), delete=container.words("delete", "--force"))
    result = container.with_bundle(f"cat >{runtime.base}/script <<'END'\n{script}\nEND\n"
                                   f"systemd-run --quiet --user --scope -p Delegate=yes sh {runtime.base}/script")
    assert result.status == 0, result
    assert result.out.split() == [str(MEMORY), "40"], result


# ---- nothing delegated -------------------------------------------------------------------------------

def test_without_limits_nothing_is_needed(runtimes):
    runtime = runtimes(user="carol")
    result = runtime.container("plain", oci.config(oci.shell("id -u; echo $$"), user_namespace=alone(CAROL))).run()
    assert result.status == 0, result
    assert result.out.split() == ["0", "1"], result


@pytest.mark.lacks(crun="starts without the limit and says nothing", runc="names neither the limit nor the reason")
def test_limit_without_delegation_is_an_error(runtimes, vm):
    runtime = runtimes(user="carol")
    spec = oci.config(oci.shell("echo ran"), resources={"memory": {"limit": MEMORY}}, user_namespace=alone(CAROL))
    result = runtime.container("limited", spec).run()
    assert result.status != 0 and "ran" not in result.out, result
    assert re.search(r"memory", result.err) and re.search(r"cgroup|delegat|systemd", result.err), result


@pytest.mark.lacks(crun="fails in newuidmap's words", runc="fails in newuidmap's words")
def test_ranges_that_the_user_does_not_have(runtimes):
    runtime = runtimes(user="carol")
    spec = oci.config(oci.shell("echo ran"), user_namespace=ranges(CAROL, 100000))
    result = runtime.container("noranges", spec).run()
    assert result.status != 0 and "ran" not in result.out
    assert re.search(r"subuid|newuidmap|uid_map", result.err), result


def test_another_users_container_is_out_of_reach(alice, runtimes, vm):
    container = alice.container("private", in_scope("private", mapping=alone(ALICE))).start()
    carol = runtimes(user="carol")
    carol.options = alice.options
    assert carol.command("delete", "--force", "private").status != 0 or container.state()["status"] == "running"
    assert container.state()["status"] == "running"
