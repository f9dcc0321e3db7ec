"""The course: what a notebook, a terminal and a deployment use.

In a notebook::

    from course_lib import lab
    lab.start("networking/publish-a-service")
"""
