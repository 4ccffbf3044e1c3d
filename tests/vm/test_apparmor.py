"""AppArmor labels: put on at exec, for the first process and for exec, by name, and refused by name."""

import pytest

import oci

PROFILE = """
#include <tunables/global>
profile rung-vm-test flags=(attach_disconnected) {
  file,
  capability,
  mount,
  signal,
  network,
  unix,
  ptrace,
  deny /tmp/forbidden w,
}
profile rung-vm-other flags=(attach_disconnected) { file, capability, mount, signal, unix, ptrace, network, }
"""


@pytest.fixture(scope="module", autouse=True)
def profiles(vm):
    if vm.check("cat /sys/module/apparmor/parameters/enabled").strip() != "Y":
        pytest.skip("the kernel of the machine has no AppArmor")
    vm.check("cat >/run/profile && apparmor_parser --replace --skip-cache /run/profile", stdin=PROFILE)
    yield
    vm.check("apparmor_parser --remove /run/profile && rm /run/profile")


def confined(script=None, profile="rung-vm-test"):
    spec = oci.config(oci.shell(script) if script else None)
    if profile is not None:
        spec["process"]["apparmorProfile"] = profile
    return spec


LABEL = "cat /proc/self/attr/current"


def test_label_and_denial(runtime):
    script = f"{LABEL}; echo x >/tmp/allowed && echo allowed; (echo x >/tmp/forbidden) 2>/dev/null || echo denied"
    result = runtime.container("label", confined(script)).run()
    assert result.status == 0, result
    assert result.out.splitlines() == ["rung-vm-test (enforce)", "allowed", "denied"], result


def test_no_profile(runtime):
    result = runtime.container("none", confined(f"{LABEL}; echo x >/tmp/forbidden && echo written", None)).run()
    assert result.out.splitlines() == ["unconfined", "written"], result


def test_unconfined_by_name(runtime):
    result = runtime.container("unconfined", confined(LABEL, "unconfined")).run()
    assert result.out.split() == ["unconfined"], result


def test_unknown_profile_is_refused(runtime):
    result = runtime.container("unknown", confined("echo ran", "rung-vm-no-such-profile")).run()
    assert result.status != 0 and "ran" not in result.out and result.err.strip(), result


@pytest.mark.lacks(crun="names only the file it wrote", runc="does not name the profile")
def test_unknown_profile_is_named(runtime):
    result = runtime.container("unknown", confined("echo ran", "rung-vm-no-such-profile")).run()
    assert "rung-vm-no-such-profile" in result.err and "apparmor" in result.err.lower(), result


def test_exec_gets_the_label(runtime):
    container = runtime.container("exec", confined()).start()
    result = container.exec(f"{LABEL}; (echo x >/tmp/forbidden) 2>/dev/null || echo denied")
    assert result.out.splitlines() == ["rung-vm-test (enforce)", "denied"], result


def test_exec_with_another_label(runtime):
    container = runtime.container("other", confined()).start()
    result = runtime.command("exec", "--apparmor", "rung-vm-other", "other", "sh", "-c", LABEL)
    assert result.out.splitlines() == ["rung-vm-other (enforce)"], result


def test_label_with_new_privileges_allowed(runtime):
    spec = confined(LABEL)
    spec["process"]["noNewPrivileges"] = False
    result = runtime.container("privileges", spec).run()
    assert result.out.splitlines() == ["rung-vm-test (enforce)"], result


def test_label_does_not_depend_on_the_containers_proc(runtime, vm):
    """CVE-2019-16884: an image whose /proc is no procfs must not make the runtime believe that it set the label."""
    spec = confined()
    spec["mounts"][0] = {"destination": "/proc", "type": "tmpfs", "source": "tmpfs"}
    container = runtime.container("fakeproc", spec)
    if container.create().status == 0 and container.verb("start").status == 0:
        assert vm.check(f"cat /proc/{container.state()['pid']}/attr/current").strip() == "rung-vm-test (enforce)"


def test_label_in_a_user_namespace(runtime):
    spec = confined(f"{LABEL}; (echo x >/tmp/forbidden) 2>/dev/null || echo denied")
    spec["linux"]["namespaces"].append({"type": "user"})
    spec["linux"]["uidMappings"] = spec["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    result = runtime.container("userns", spec).run()
    assert result.out.splitlines() == ["rung-vm-test (enforce)", "denied"], result
