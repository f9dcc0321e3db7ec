"""The checks that grade the course.

In a notebook: ``from graders import check``, then ``check("publish-any-port")``.
"""

from graders.notebook import check

__all__ = ["check"]
