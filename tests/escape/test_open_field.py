"""Without a wall every attempt succeeds, else its failure behind one would prove nothing."""

import pytest

from conftest import possible_here
from world import ATTEMPTS


@pytest.mark.parametrize("name", ATTEMPTS)
def test_succeeds_without_a_wall(open_field, name):
    verdict = open_field(name)
    if verdict.word == "impossible" or verdict.word == "held" and not possible_here(name):
        pytest.skip(f"not here, even without a wall: {verdict.reason}")
    assert verdict.word == "escaped", f"{ATTEMPTS[name].what}: {verdict}"
