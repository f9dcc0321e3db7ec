"""nbgrader for a student's pod: the class's exchange, the courses that the hub names."""

import os

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = os.environ["COURSE_ID"]
c.Exchange.root = "/srv/exchange"
c.Authenticator.plugin_class = "nbgrader.auth.JupyterHubAuthPlugin"
