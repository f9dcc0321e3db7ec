"""Benchmarks: ratios of two things measured in turn in one run, never a pass or a fail."""

import os

# Whoever is measured keeps its bytecode, as it does for every user: a start that compiles all
# modules anew measures the compiler.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
