"""Run by each kernel that ``course lab`` starts (``PYTHONSTARTUP``), and by any other Python there.

It does something in IPython alone, and leaves no name behind.
"""

try:
    from IPython import get_ipython

    from course_lib.first_cell import attach
except ImportError:
    pass
else:
    if get_ipython() is not None:
        attach(get_ipython())
    del attach, get_ipython
