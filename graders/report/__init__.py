"""What a class did in an assignment, for its instructor: ``course report``.

:mod:`~graders.report.collect` reads the grade book and the autograded notebooks,
:mod:`~graders.report.model` says what there is to know, :mod:`~graders.report.text`,
:mod:`~graders.report.table` and :mod:`~graders.report.page` show it.
"""
