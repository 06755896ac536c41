"""Whether each transaction carries the signatures of those in whose name it wrote, and whether they signed these words.

Every signature is checked here, from the transaction's bytes: its sender's, that of each request to the relay (with the
number that the relay gave it), of each payment by authorisation, and of each key that consented to be bound. A contract
wallet is asked on chain.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from yuanliu.audit.facts import OWNER
from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import LEVELS, Act, Scene, Signed, say
from yuanliu.audit.words import DELIVERIES, RECORDS, Words, difference
from yuanliu.chain import signed as chain_signed
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import RpcError
from yuanliu.chain.rawlogs import RawNode
from yuanliu.chain.signed import Reader, Request, Sent
from yuanliu.errors import YuanliuError

_DEVNET: Final = 31_337
_WORD: Final = 32
_SAME: Final = 3
_NONSENSE: Final = (ValueError, KeyError, TypeError, AttributeError, OverflowError)


class Authors:
    """Checks the transactions of a window."""

    def __init__(
        self,
        scene: Scene,
        node: RawNode,
        fetch: Callable[[Sequence[str]], list[Any]],
        deployment: Deployment,
    ) -> None:
        self._scene = scene
        self._node = node
        self._fetch = fetch
        self._deployment = deployment
        self._reader = Reader(deployment)
        self._words = Words(deployment, self._actor_of)
        self._ours = {
            scene.actors_address,
            scene.batches_address,
            scene.payments_address,
            *(
                bytes.fromhex(deployment.contract(name).address[2:])
                for name in ("Catalogue", "Deliveries")
            ),
        }
        self._domains: dict[bytes, bytes] = {}
        self._code: dict[bytes, bool] = {}

    def check(self, transactions: Sequence[Signed]) -> None:
        """Fetch transactions and check what each must carry."""
        answers = self._fetch([must.transaction for must in transactions])
        for must, raw in zip(transactions, answers, strict=True):
            self._check(must, raw)

    def _check(self, must: Signed, raw: Any) -> None:  # noqa: ANN401 -- JSON-RPC results have any shape
        try:
            sent = chain_signed.read_transaction(raw, must.transaction)
            place = int(raw["blockNumber"], 16)
        except _NONSENSE:
            self._wrong(must, "a transaction that can be read", "none")
            return
        if place != must.block:
            self._wrong(must, f"block {must.block}", f"block {place}")
        try:
            voices, consents, said = self._heard(sent, must)
        except (ValueError, YuanliuError) as error:
            self._wrong(must, "a call that can be read", str(error))
            return
        for keys, what in must.needed.items():
            if not any(key in voices for key in keys) and not self._by_contract(keys, sent):
                self._wrong(must, f"{what} {say(keys[0])}", _voices(voices), actor=keys[0])
        for key, party, level, roles, code in must.consents:
            digest = self._reader.consent_digest(party, level, roles, code)
            if not any(self._signed(key, digest, signature) for signature in consents.get(key, ())):
                what = f"the consent of {say(key)} as {LEVELS.get(level, LEVELS[OWNER])}"
                self._wrong(must, what, "none", actor=key)
        self._compare(must, sent, said)

    # ------------------------------------------------------------------ what was said

    def _compare(self, must: Signed, sent: Sent, said: list[Act]) -> None:
        """Compare what the logs tell with what was signed, act by act."""
        signed = Counter(act[:_SAME] for act in said)
        untold = []
        for act, batch in must.told:
            if signed[act[:_SAME]]:
                signed[act[:_SAME]] -= 1
            elif act.sure and not self._by_wallet(act.who, must, sent):
                untold.append((act, batch))
        left = [act for act in said if act.sure and signed[act[:_SAME]]]
        for act, batch in untold:
            meant = next((one for one in left if one[:2] == act[:2]), None)
            expected, found = "nothing signed", f"{act.tag} {difference(b'', act.content)[1]}"
            if meant is not None:
                left.remove(meant)
                expected, found = difference(meant.content, act.content)
            self._differs(must, act, expected, found, batch)
        for act in left:
            batch = act.content[:_WORD] if act.tag in RECORDS else b""
            self._differs(must, act, difference(act.content, b"")[0], "nothing told", batch)

    def _differs(self, must: Signed, act: Act, expected: str, found: str, batch: bytes) -> None:
        scene = self._scene
        scene.block, scene.transaction = must.block, must.transaction
        of_actor = token = b""
        if act.tag in RECORDS:
            what = f"{act.tag} of {say(act.who)}"
        elif act.tag in DELIVERIES:
            what = f"receipt {int.from_bytes(act.content[:8])}"
        else:
            what, of_actor = act.tag, act.who
            token = act.content[20:40] if act.tag == "terms" else b""
        scene.wrong(
            Rule.WORDS, expected, found, what=what, batch=batch, actor=of_actor, token=token
        )

    def _actor_of(self, key: bytes) -> bytes:
        known = self._scene.keys.get(key)
        return key if known is None else known.actor

    def _by_wallet(self, who: bytes, must: Signed, sent: Sent) -> bool:
        """Whether it was done by a contract of theirs, whose words a stranger's call does not show."""
        keys = (key for keys in must.needed for key in keys)
        return any(
            who in {b"", key, self._actor_of(key)} and self._by_contract((key,), sent)
            for key in keys
        )

    def _wrong(self, must: Signed, expected: str, found: str, *, actor: bytes = b"") -> None:
        scene = self._scene
        scene.block, scene.transaction = must.block, must.transaction
        scene.wrong(Rule.AUTHOR_SIGNATURE, expected, found, actor=actor)

    # ------------------------------------------------------------------ whose voices are heard

    def _heard(
        self, sent: Sent, must: Signed
    ) -> tuple[set[bytes], dict[bytes, list[bytes]], list[Act]]:
        """Give who signed, the consents that stand in what they said, and what it says that they did.

        Raises `ValueError`, `YuanliuError`.
        """
        voices: set[bytes] = set()
        said: list[Act] = []
        calls: list[tuple[bytes, bytes, bytes]] = []
        reader = self._reader
        if sent.to in self._ours:
            sender = self._sender(sent)
            if sender is not None:
                voices.add(sender)
            calls += [(sender or b"", *call) for call in reader.calls(sent.to, sent.data)]
            requests = reader.requests(sent.data) if sent.to == reader.actors else []
        else:
            requests = list(reader.embedded(sent.data))
            for part in reader.embedded_payments(sent.data):
                if (payer := self._authorized(reader.payments, part, must)) is not None:
                    voices.add(payer)
                    acts = self._words.of(payer, reader.payments, part)
                    said += [act._replace(sure=False) for act in acts]  # it may have failed
        for request, did in self._signed_requests(requests, must):
            voices.add(request.signer)
            if did:
                inner = reader.calls(request.to, request.data)
                calls += [(request.signer, *call) for call in inner]
        consents: dict[bytes, list[bytes]] = {}
        for signer, to, data in calls:
            if (payer := self._authorized(to, data, must)) is not None:
                voices.add(payer)
            if (consent := reader.consent(to, data)) is not None:
                consents.setdefault(consent[0], []).append(consent[1])
            said += self._words.of(signer, to, data)
        self._scene.count("signatures", len(voices))
        return voices, consents, said

    def _sender(self, sent: Sent) -> bytes | None:
        if sent.sender == sent.stated:
            return sent.sender
        if sent.impersonated and self._scene.chain_id == _DEVNET:
            self._scene.count("impersonated")
            return sent.stated
        return None

    def _signed_requests(
        self, requests: Sequence[Request], must: Signed
    ) -> list[tuple[Request, bool]]:
        """Give the requests that were executed and that their signers signed, and whether they did anything."""
        left = list(must.requests)
        found = []
        for request in requests:
            numbers = [number for signer, number in left if signer == request.signer]
            if not numbers:
                continue
            digest = request.digest(self._deployment, numbers[0])
            if request.value == 0 and self._signed(request.signer, digest, request.signature):
                numbered = request.signer, numbers[0]
                left.remove(numbered)
                found.append((request, numbered not in must.failed))
        return found

    def _authorized(self, to: bytes, data: bytes, must: Signed) -> bytes | None:
        found = self._reader.authorization(to, data)
        if found is None:
            return None
        payer, struct, (v, r, s) = found
        for token in must.tokens:
            digest = chain_signed.typed(self._domain(token), struct)
            if chain_signed.recover(digest, r, s, v - 27) == payer:
                return payer
        return None

    def _domain(self, token: bytes) -> bytes:
        if token not in self._domains:
            call = {"to": say(token), "data": "0x3644e515"}  # DOMAIN_SEPARATOR()
            answer = self._node.ask([("eth_call", [call, "latest"])])[0]
            self._domains[token] = bytes.fromhex(answer[2:]) if isinstance(answer, str) else b""
        return self._domains[token]

    # ------------------------------------------------------------------ contract wallets

    def _signed(self, key: bytes, digest: bytes, signature: bytes) -> bool:
        """Whether a key signed. A wallet that would not say so now may have other owners by now: that is noted."""
        if chain_signed.recover_bytes(digest, signature) == key:
            return True
        call = self._deployment.actors.call("isSigned", say(key), digest, signature)
        asked = {"to": call.to, "data": say(call.data)}
        answer = self._node.ask([("eth_call", [asked, "latest"])])[0]
        if isinstance(answer, str) and int(answer or "0x0", 16) == 1:
            return True
        if self._has_code(key):
            self._scene.count("wallets")
            return True
        return False

    def _by_contract(self, keys: Sequence[bytes], sent: Sent) -> bool:
        """Whether one of the keys is a contract, which acted by its own rules within a stranger's call."""
        return sent.to not in self._ours and any(self._has_code(key) for key in keys)

    def _has_code(self, key: bytes) -> bool:
        if key not in self._code:
            answer = self._node.ask([("eth_getCode", [say(key), "latest"])])[0]
            if isinstance(answer, RpcError):
                raise answer
            self._code[key] = len(answer) > len("0x")
        return self._code[key]


def _voices(voices: set[bytes]) -> str:
    return ", ".join(sorted(map(say, voices))[:4]) or "no signature"
