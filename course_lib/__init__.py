"""The course: what a notebook, a terminal and a deployment use."""
