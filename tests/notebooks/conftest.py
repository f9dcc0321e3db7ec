"""Lessons run on the engines that checks run on, one at a time."""

from tests.graders.conftest import engine, lesson_names, student

__all__ = ["engine", "lesson_names", "student"]
