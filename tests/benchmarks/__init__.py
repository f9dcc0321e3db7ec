"""Benchmarks: ratios of two things measured in turn in one run, never a pass or a fail."""
