"""Checks of the assignment ``volumes``, one module per lesson."""
