"""Two commands at once, on one container and on many."""

import time

import leftovers
from conftest import LIVE, OURS, lacking, only_rung, wait_until


def together(container, *commands):
    """Starts all, then waits for all; their results in order."""
    processes = [container.spawn(*command) for command in commands]
    return [container.result(process) for process in processes]


def ready(container, *args):
    container.process["args"] = list(args or ("sleep", "1000"))
    container.write()
    return ["create", "--bundle", container.bundle, container.id]


def words(results):
    return [(result.status, result.errors) for result in results]


def state_names(container):
    state = container.work / "state"
    return sorted(path.name for path in state.iterdir() if not path.name.startswith(".")) if state.exists() else []


def test_one_of_many_creates_wins(container):
    create = ready(container)
    for _ in range(4):
        results = together(container, *[create] * 6)
        assert sorted(result.status == 0 for result in results) == [False] * 5 + [True], words(results)
        if OURS:
            assert all("already exists" in result.errors for result in results if result.status), words(results)
        assert container.status() == "created"
        container.delete("--force")


@only_rung
def test_one_of_many_starts_wins(container):
    create = ready(container)
    for _ in range(4):
        container.oci(*create, check=0)
        results = together(container, *[["start", container.id]] * 6)
        assert sum(result.status == 0 for result in results) == 1, words(results)
        assert container.status() == "running"
        container.delete("--force")


@only_rung
def test_many_forced_deletes_agree(container):
    """Each is told that it is gone, whoever did it."""
    create = ready(container)
    for _ in range(4):
        container.oci(*create, check=0)
        container.oci("start", container.id, check=0)
        results = together(container, *[["delete", "--force", container.id]] * 6)
        assert all(result.status == 0 for result in results), words(results)
        assert state_names(container) == []


@only_rung
def test_start_kill_delete_and_state_at_once(container):
    """Whatever order they take: no hang, no crash, no half-dead state."""
    create = ready(container)
    for _ in range(6):
        container.oci(*create, check=0)
        results = together(container, ["start", container.id], ["state", container.id], ["kill", container.id, "KILL"],
                           ["list"], ["delete", "--force", container.id], ["exec", container.id, "true"], ["ps", container.id])
        for result in results:
            assert result.status >= 0, f"killed by a signal: {words(results)}"
            assert result.status == 0 or result.errors.strip() or result.output.strip(), words(results)
        container.delete("--force")
        assert state_names(container) == []


@only_rung
def test_creates_and_deletes_of_one_id(container):
    """A delete that meets a creation must remove that one, and never a later one of the same name."""
    create = ready(container)
    for _ in range(8):
        results = together(container, create, ["delete", "--force", container.id], create, ["delete", "--force", container.id], create)
        assert all(result.status in (0, 1) for result in results), words(results)
        left = state_names(container)
        if left:
            assert container.status() in ("created", "stopped"), words(results)
        container.delete("--force")
        assert state_names(container) == []
        # The name is free again, wholly.
        container.oci(*create, check=0)
        assert container.status() == "created"
        container.delete("--force")


def test_twenty_containers_at_once(container):
    family = [container] + [container.another() for _ in range(19)]
    for result in [one.result(process) for one, process in [(one, one.spawn(*ready(one))) for one in family]]:
        assert result.status == 0, result.errors
    for verb in (["start"], ["exec"]):
        processes = [(one, one.spawn(*verb, one.id, *(["true"] if verb == ["exec"] else []))) for one in family]
        for one, process in processes:
            result = one.result(process)
            assert result.status == 0, result.errors
    assert all(one.status() == "running" for one in family)
    for result in [one.result(process) for one, process in [(one, one.spawn("delete", "--force", one.id)) for one in family]]:
        assert result.status == 0, result.errors
    assert state_names(container) == []
