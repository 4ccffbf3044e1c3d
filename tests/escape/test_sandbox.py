"""Within `rung sandbox` no attempt gets anywhere: with the default wall, where writes are kept, and by way of `enter`."""

import pytest

from conftest import RUNG
from world import ATTEMPTS


def grants(world, attempt):
    """The attacker can be run; a directory to read and one to write where the attempt is about such."""
    words = [f"exec={world.program.parent}"]
    if "shown" in attempt.needs:
        words.append(f"read={world.top}/shown")
    if "given" in attempt.needs:
        words.append(f"write={world.top}/given")
    return [part for word in words for part in ("--allow", word)]


def default_wall(world, attempt):
    return [RUNG, "sandbox", "run", *grants(world, attempt), "--", str(world.program)]


@pytest.mark.parametrize("name", ATTEMPTS)
def test_fails_within(behind, name):
    behind(name, default_wall)
