"""The kinds of failure that are not the policy's fault.

A wrong policy is not an error: its reward says so. What is raised here is never turned into a reward.
"""


class InfrastructureError(RuntimeError):
    """Something of ours failed (a database, a tool server, a deadline): retry or drop the sample."""


class BrokenTaskError(ValueError):
    """The task itself is wrong (no such environment, bad reference): quarantine it with this reason."""


class UserInputError(ValueError):
    """Bad configuration or data from the user. The message names the key and the mend."""
