"""The exception for problems that the user can fix."""


class AiwaveError(Exception):
    """Bad input. The message is one sentence: what was wrong, where, and what to do.

    The command line prints it without a traceback and exits with status 1.
    """


class Interrupted(AiwaveError):
    """The user pressed Ctrl-C. Finished work is kept; the message says how to continue."""
