"""Grading a class: every submission in a process of its own, the checks outside of its kernel.

:func:`graders.grading.submission.grade` grades one submission: a JSON document in, one out.
:class:`graders.grading.warm.WarmParent` runs it in processes forked from a warm one,
:mod:`graders.grading.autograde` feeds a whole class through it and writes the grade book.
"""
