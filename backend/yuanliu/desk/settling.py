"""What is written to an intention when it is over, or has to be tried again."""

import time
from typing import Any

from yuanliu.chain.executions import Execution, OutOfGas
from yuanliu.desk.intentions import State, error_of
from yuanliu.errors import YuanliuError


def done(execution: Execution) -> dict[str, Any]:
    """Give the columns of what was executed and succeeded."""
    return {"state": str(State.DONE), "error": None, **_where(execution), "updated": time.time()}


def refused(execution: Execution, why: YuanliuError) -> dict[str, Any]:
    """Give the columns of what was executed and refused. Too little gas is nobody's refusal: it is signed anew."""
    state = State.LAPSED if isinstance(why, OutOfGas) else State.FAILED
    return {
        "state": str(state),
        "error": error_of(why),
        **_where(execution),
        "updated": time.time(),
    }


def lapsed(why: YuanliuError) -> dict[str, Any]:
    """Give the columns of what must be signed anew."""
    return {
        "state": str(State.LAPSED),
        "error": error_of(why),
        "dispatch": None,
        "updated": time.time(),
    }


def waiting() -> dict[str, Any]:
    """Give the columns of what has to be sent again."""
    return {
        "state": str(State.WAITING),
        "dispatch": None,
        "transaction_hash": None,
        "block": None,
        "block_hash": None,
        "updated": time.time(),
    }


def _where(execution: Execution) -> dict[str, Any]:
    return {
        "transaction_hash": execution.transaction,
        "block": execution.block,
        "block_hash": execution.block_hash,
    }


class Expired(YuanliuError):
    """The time until which a request was signed has passed."""

    def __init__(self, deadline: int) -> None:
        super().__init__(
            "outbox.expired",
            "it was not sent before its signature expired",
            hint="sign it anew if it still makes sense",
            fields={"deadline": deadline},
        )


class NonceUsed(YuanliuError):
    """The signer did something else under the nonce of a request."""

    def __init__(self, nonce: int, following: int) -> None:
        super().__init__(
            "outbox.nonce_used",
            "its author did something else with the same number meanwhile, outside of this outbox",
            hint="sign it anew if it still makes sense",
            fields={"nonce": nonce, "next": following},
        )


class OutOfReach(YuanliuError):
    """A request before this one lapsed, so that its turn never comes."""

    def __init__(self, nonce: int, missing: int) -> None:
        super().__init__(
            "outbox.out_of_reach",
            "an earlier act of the same author lapsed, and this one was signed to follow it",
            hint="sign the earlier one anew, then this one",
            fields={"nonce": nonce, "missing": missing},
        )


class NotTaken(YuanliuError):
    """The forwarder does not execute a request though it is its turn."""

    def __init__(self, nonce: int, attempts: int) -> None:
        super().__init__(
            "outbox.not_taken",
            f"the chain did not take its signature, in {attempts} transactions",
            hint="sign it anew with the key that the account acts with now",
            fields={"nonce": nonce, "attempts": attempts},
        )
