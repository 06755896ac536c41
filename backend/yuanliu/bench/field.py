"""A figure of ours beside that of the best-known others for the same work, and beside what limits both."""

from dataclasses import dataclass
from typing import Final

COSTS: Final = frozenset({"gas"})
"""Units of which less is better; of all others more is."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison, measured in one run. `theirs` is None where the rival would not run; then `note` says why.

    `limit` is what physics, the node or the language allow for the same work, and `limit_is` what that is.
    """

    what: str
    ours: float
    rival: str
    theirs: float | None
    limit: float
    limit_is: str
    unit: str
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the rival we are; below 1, how much worse."""
        if self.theirs is None:
            return None
        return self._better(self.ours, self.theirs)

    @property
    def of_limit(self) -> float:
        """Which part of what is possible is reached, 1 being all."""
        return self._better(self.ours, self.limit)

    def _better(self, ours: float, other: float) -> float:
        return other / ours if self.unit in COSTS else ours / other
