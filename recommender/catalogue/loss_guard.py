"""How much one command may take away without being told to: more was rarely intended."""

from __future__ import annotations

from recommender.errors import WouldLose

SHARE = 0.10
"""Share of what there is. A shop drops fewer products in a day; a cut-off feed or an old backup lacks more."""

FEW = 20
"""Any command may take away this many: otherwise a shop of 50 products could not drop six."""


def allowance(held: int) -> int:
    """Return how many of `held` things may be taken away."""
    return max(int(held * SHARE), FEW)


def describe_loss(what: str, lost: int, held: int, things: str = "products") -> str:
    """Return how much `what` would take away."""
    return f"{what} takes away {lost:,} of {held:,} {things} ({lost / max(held, 1):.1%})"


def require_small_loss(what: str, lost: int, held: int, remedy: str, things: str = "products") -> None:
    """Raise `WouldLose` if more would go than allowed. `remedy` says what to look at first."""
    if lost > allowance(held):
        raise WouldLose(
            f"{describe_loss(what, lost, held, things)}, and at most {allowance(held):,} may go; {remedy}, "
            "or say --force",
            lost,
            held,
        )
