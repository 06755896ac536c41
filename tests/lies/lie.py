"""What a lie is, as the tests of this room tell it in their decorator; `table` makes `docs/lies.md` of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

CHEATED: Final = {
    "consumer": "consumers · 消费者",
    "farmer": "farmers · 农户",
    "buyer": "buyers and holders of goods · 买方",
    "actor": "people with a key · 有密钥的人",
    "auditor": "auditors, and whoever runs the service · 审计与运营",
}
"""Who can be cheated, in the order of the table."""

LIARS: Final = frozenset(
    {
        "anyone",
        "buyer",
        "carrier",
        "clerk",
        "contract author",
        "cooperative",
        "database admin",
        "farmer",
        "laboratory",
        "node operator",
        "outsider",
        "payment provider",
        "platform",
        "regulator",
        "relayer",
        "token issuer",
    }
)
"""Who could try."""

REFUSING: Final = ("the contracts", "the service")
"""Who lets a lie not come about."""

CHECKING: Final = (
    "yuanliu verify",
    "yuanliu audit",
    "yuanliu rebuild --check",
    "the deployment check",
    "the follower",
    "the store of attachments",
    "the reader's phone",
)
"""What finds a lie without anybody's judgement."""

LOOKING: Final = ("whoever reads the record", "whoever reads the page", "the person concerned")
"""Who has to look: the truth stands there, but nothing sounds an alarm."""

NOTICERS: Final = (*REFUSING, *CHECKING, *LOOKING)

Test = TypeVar("Test", bound=Callable[..., object])


@dataclass(frozen=True)
class Lie:
    """One lie: its name in two languages, who is cheated and by whom, what comes of it, who notices and how.

    Without anybody who notices it is not caught, and `how` says what makes it harder or dearer.
    """

    name: str
    zh: str
    cheats: str
    liars: tuple[str, ...]
    happens: str
    noticed_by: tuple[str, ...]
    how: str

    def __post_init__(self) -> None:
        """Refuse a word that the table does not know. Raises `ValueError`."""
        for word, known in (
            *((liar, LIARS) for liar in self.liars),
            *((noticer, NOTICERS) for noticer in self.noticed_by),
            (self.cheats, CHEATED),
        ):
            if word not in known:
                raise ValueError(f"{self.name}: {word!r} is none of {sorted(known)}")
        if not (self.name and self.zh and self.liars and self.happens and self.how):
            raise ValueError(f"{self.name}: something is left unsaid")

    @property
    def outcome(self) -> str:
        """Give the worst that can be said of the defence."""
        if set(self.noticed_by) & set(REFUSING):
            return "refused"
        if set(self.noticed_by) & set(CHECKING):
            return "found"
        return "in the open" if self.noticed_by else "**not caught**"


def lie(
    name: str,
    zh: str,
    *,
    cheats: str,
    liars: tuple[str, ...],
    happens: str,
    noticed_by: tuple[str, ...],
    how: str,
) -> Callable[[Test], Test]:
    """Say which lie a test tries. Write every argument out: the table is made by reading, not by running."""
    told = Lie(name, zh, cheats, liars, happens, noticed_by, how)

    def mark(test: Test) -> Test:
        test.__lie__ = told  # type: ignore[attr-defined]
        return test

    return mark
