"""The same tests on the embedded engine and on a real dockerd."""
