"""A class with every lesson and every kind of submission: each earns exactly what it deserves.

``python -m tests.grading.corpus`` grades them all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grading import corpus


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("confined")
def test_every_submission_earns_what_it_deserves(docker_command: str, tmp_path: Path) -> None:
    made = corpus.make_course(tmp_path)
    handed = list(corpus.sample(corpus.releases(made)))
    corpus.hand_in(made, handed)
    assert corpus.wrong_scores(made, handed, "--workers", "2") == []
