"""The ``docker`` command of the image ``docker``: a small client of the API, written for it.

It speaks to whatever listens at the socket that is mounted into its container, over the paths of
the Engine API, as the real client does; its files are those of its container.
"""
