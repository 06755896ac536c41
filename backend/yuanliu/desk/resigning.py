"""Signs a lapsed intention anew.

Its old signature may still be valid, and whoever saw it in a transaction may relay it. So the new one takes the old
one's nonce as long as that can be used: whichever comes first, the act happens once.
"""

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select, update
from sqlalchemy.exc import SQLAlchemyError

from yuanliu.chain import relay
from yuanliu.chain.executions import find_execution, why_refused
from yuanliu.chain.keys import Key
from yuanliu.desk import settling
from yuanliu.desk.connecting import unreachable
from yuanliu.desk.gas_bounds import gas_for
from yuanliu.desk.intentions import Intention, State, read
from yuanliu.desk.storing import LIFETIME, Draft, signed_columns
from yuanliu.desk.tables_outbox import INTENTION
from yuanliu.errors import YuanliuError

if TYPE_CHECKING:
    from yuanliu.desk.outbox import Outbox


def resign(outbox: "Outbox", old: Intention, key: Key) -> Intention:
    """Sign it anew if it lapsed; see `Outbox.resign`."""
    if old.state is not State.LAPSED:
        return old
    signer = old.request.signer
    with outbox.engine.connect().execution_options(reading=True) as connection:
        row = connection.execute(_row(old.id)).one()
    if row.deployment != outbox.id:
        raise YuanliuError(
            "outbox.other_deployment",
            "it was asked for on another chain, or of other contracts",
            hint="ask for it anew, as a new intention",
            fields={"intention": old.id},
        )
    if str(key.address).lower() != signer:
        raise YuanliuError(
            "outbox.other_signer",
            f"it was asked for by {signer}; this key is {key.address}",
            hint="ask for it anew, as a new intention",
            fields={"signer": signer, "key": str(key.address)},
        )
    chain = outbox.chain_nonce(signer, fresh=True)
    if chain > old.request.nonce and (found := _executed(outbox, old)) is not None:
        return found
    needed = relay.try_out(outbox.node, outbox.deployment, signer, old.request.call)
    usable = chain <= old.request.nonce and outbox.node.now() <= old.request.deadline
    draft = Draft(
        account=old.account,
        idempotency_key=old.idempotency_key,
        body_digest="",
        act=old.act,
        call=old.request.call,
        signer=signer,
        chain_nonce=chain,
    )
    try:
        with outbox.engine.begin() as connection:
            numbering = outbox.storing.number(connection, [draft])[signer]
            found = read(connection.execute(_row(old.id)).one())
            if found.state is not State.LAPSED:
                return found
            nonce = numbering.take()
            if usable and nonce != old.request.nonce:
                raise _not_yet(old)
            request = relay.sign_request(
                outbox.deployment,
                key,
                old.request.call,
                gas=gas_for(needed),
                nonce=nonce,
                deadline=int(time.time()) + LIFETIME,
            )
            columns = settling.waiting() | {"error": None, "turn": outbox.storing.ids.turn()}
            connection.execute(
                update(INTENTION)
                .where(INTENTION.c.id == old.id)
                .values(**columns, **signed_columns(request))
            )
            outbox.storing.set_next(connection, {signer: numbering.next})
            return read(connection.execute(_row(old.id)).one())
    except SQLAlchemyError as error:
        raise unreachable(error) from error


def _row(id_: str) -> Select[Any]:
    return select(INTENTION).where(INTENTION.c.id == id_)


def _executed(outbox: "Outbox", old: Intention) -> Intention | None:
    """Settle what somebody else relayed. Out of gas is not settled by that: the act is still to be done."""
    execution = find_execution(outbox.node, outbox.deployment, old.request)
    if execution is None:
        return None
    if execution.success:
        columns = settling.done(execution)
    else:
        why = why_refused(outbox.node, outbox.deployment, old.request, execution.transaction)
        columns = settling.refused(execution, why)
        if columns["state"] == str(State.LAPSED):
            return None
    with outbox.engine.begin() as connection:
        connection.execute(
            update(INTENTION)
            .where(INTENTION.c.id == old.id, INTENTION.c.state == str(State.LAPSED))
            .values(**columns)
        )
    return outbox.intention(old.id)


def _not_yet(old: Intention) -> YuanliuError:
    return YuanliuError(
        "outbox.not_yet",
        "its old signature could still be used, and its turn has not come",
        hint="sign the earlier lapsed acts of this author first, or come back when they are done",
        fields={"intention": old.id, "nonce": old.request.nonce, "deadline": old.request.deadline},
        retryable=True,
    )
