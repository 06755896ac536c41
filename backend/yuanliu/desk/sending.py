"""What a node says to a transaction. There is no standard; these are the words of geth, anvil, besu and others."""

import re
from enum import Enum, auto
from typing import Final

from yuanliu.chain.node import RpcError
from yuanliu.errors import YuanliuError


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


class NoFunds(YuanliuError):
    """The relayer's account cannot pay for gas."""

    def __init__(self, account: str) -> None:
        super().__init__(
            "relayer.no_funds",
            f"the relayer's account {account} cannot pay for gas",
            hint="send it some of the chain's own coin; what waits is sent then",
            fields={"account": account},
            retryable=True,
        )


class Stuck(YuanliuError):
    """The chain does not take a transaction, whatever it pays."""

    def __init__(self, nonce: int, fee: int) -> None:
        super().__init__(
            "relayer.stuck",
            f"the relayer's transaction {nonce} is not mined, though it pays up to {fee} wei per gas",
            hint="is the chain making blocks? Does another program use the relayer's account? With YUANLIU_FREE_GAS,"
            " does the chain really take what pays nothing?",
            fields={"nonce": nonce, "fee": fee},
            retryable=True,
        )
