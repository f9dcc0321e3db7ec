"""Identities: repeatable with a seed, and one owner's draws are no other's."""

from __future__ import annotations

from course_lib.engine.ids import Identities


def test_a_seed_repeats_what_an_owner_draws_whatever_others_draw() -> None:
    quiet, busy = Identities(7), Identities(7)
    for _ in range(5):
        busy.of("a").new_id()
        busy.of("b").random.random()
    assert busy.new_id() == quiet.new_id()
    assert busy.of("a").new_id() == quiet.of("a").new_id()


def test_owners_draw_differently() -> None:
    ids = Identities(7)
    assert len({ids.new_id(), ids.of("a").new_id(), ids.of("b").new_id()}) == 3


def test_without_a_seed_there_is_one_source() -> None:
    ids = Identities()
    assert ids.of("a") is ids
