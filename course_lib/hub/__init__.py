"""A class on one server: JupyterHub with nbgrader, isolated as Unix users and namespaces are.

``course hub init`` writes a folder (:mod:`~course_lib.hub.folder`), ``course hub run`` looks
whether all is well (:mod:`~course_lib.hub.checks`), makes what is missing
(:mod:`~course_lib.hub.accounts`) and becomes JupyterHub with the settings of
:mod:`~course_lib.hub.settings`. Each person's server is started by
:mod:`~course_lib.hub.spawner` in namespaces of its own.
"""
