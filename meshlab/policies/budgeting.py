"""What a retry budget hears and what it is asked, whatever its rule.

    deposit()        a call began
    withdraw()       one of its tries failed: may a retry be sent?
    retry_ended()    that retry ended
    settle(ok)       the call ended

A budget that is put in place while calls are in flight first hears of them by `take_over`. A budget
need not define the methods that it has no use for.
"""

from __future__ import annotations

from meshlab.kernel.record import interface


@interface
class Budget:
    """Grants the retries of one sidecar to one cluster, or denies them."""

    def take_over(self, calls: int, retries: int) -> None:
        """So many calls, and retries of theirs, began before this budget, and will end with it."""

    def deposit(self) -> None:
        """A call began."""

    def withdraw(self) -> bool:
        """A try failed: may a retry be sent? If so it is in flight until ``retry_ended``."""
        raise NotImplementedError

    def retry_ended(self) -> None:
        """A retry that was granted has ended, or will not be sent after all."""

    def settle(self, ok: bool) -> None:
        """A call ended, with all its tries."""

    @property
    def balance(self) -> int:
        """How many retries would be granted if they were asked for now. For display."""
        raise NotImplementedError
