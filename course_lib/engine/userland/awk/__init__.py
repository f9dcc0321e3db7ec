"""The AWK language, as POSIX describes it and BusyBox has it."""
