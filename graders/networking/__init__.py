"""Checks of the assignment ``networking``, one module per lesson."""
