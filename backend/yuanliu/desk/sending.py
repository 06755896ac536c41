"""What a node says to a transaction. There is no standard; these are the words of geth, anvil, besu and others."""

import re
from enum import Enum, auto
from typing import Final

from yuanliu.chain.node import RpcError


class Answer(Enum):
    """What it means."""

    TAKEN = auto()
    """The node has it."""
    USED = auto()
    """The account's nonce was used; by which transaction, the receipts tell."""
    CHEAP = auto()
    """It must pay more."""
    POOR = auto()
    """The account cannot pay for it."""
    OTHER = auto()
    """Something else, which the operator should read."""


_WORDS: Final = (
    (
        Answer.TAKEN,
        re.compile(r"already (known|imported)|known transaction|already in", re.IGNORECASE),
    ),
    (
        Answer.USED,
        re.compile(r"nonce (is )?too low|old nonce|nonce_too_low|already mined", re.IGNORECASE),
    ),
    (
        Answer.CHEAP,
        re.compile(
            r"underpriced|less than block base fee|fee too low|below current base", re.IGNORECASE
        ),
    ),
    (Answer.POOR, re.compile(r"insufficient (funds|balance)|upfront cost exceeds", re.IGNORECASE)),
)


def answer_of(answer: object) -> Answer:
    """Read the answer to `eth_sendRawTransaction`."""
    if not isinstance(answer, RpcError):
        return Answer.TAKEN
    return next(
        (meaning for meaning, words in _WORDS if words.search(answer.message)), Answer.OTHER
    )
