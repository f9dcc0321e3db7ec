"""Run by each kernel that ``course lab`` starts (``PYTHONSTARTUP``), and by any other Python there.

It does something in IPython alone, and leaves no name behind.
"""

try:
    from IPython import get_ipython

    from course_lib import first_cell, slips
except ImportError:
    pass
else:
    if get_ipython() is not None:
        first_cell.attach(get_ipython())
        slips.attach(get_ipython())
    del first_cell, slips, get_ipython
