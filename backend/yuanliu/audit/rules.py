"""What an audit can find: a stable code for each rule, its words in both languages, and which rule goes before which.

Where one wrong thing breaks several rules, the one that stands first here is the finding and the others follow from it.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Rule(StrEnum):
    """The rules, the most fundamental first."""

    CODE = "code-differs"
    OWNS_NATIVE = "code-owns-native"
    LOG_MALFORMED = "log-malformed"
    LOG_ORDER = "log-order"
    LOG_REPEATED = "log-repeated"
    RECORD_MALFORMED = "record-malformed"
    JOURNAL_BROKEN = "journal-broken"
    JOURNAL_HEAD = "journal-head"
    RECORD_TIME = "record-time"
    RECORD_BATCH = "record-batch"
    AUTHOR_SIGNATURE = "author-signature"
    WORDS = "words-differ"
    AUTHOR_KEY = "author-key"
    AUTHOR_ROLE = "author-role"
    AUTHOR_SUSPENDED = "author-suspended"
    ACTOR_ENROLMENT = "actor-enrolment"
    ACTOR_CHANGE = "actor-change"
    CATALOGUE = "catalogue-invalid"
    TERMS_INVALID = "terms-invalid"
    TERMS_CODE = "terms-code"
    TERMS_NOT_IN_FORCE = "terms-not-in-force"
    DELIVERY_INVALID = "delivery-invalid"
    DELIVERY_NOT_FREE = "delivery-not-free"
    DELIVERY_ENTRY = "delivery-entry"
    TERMS_DIFFER = "terms-differ"
    TERMS_WEAKENED = "terms-weakened"
    BATCH_INVALID = "batch-invalid"
    MASS_HARVEST = "mass-harvest"
    MASS_TRANSFORMATION = "mass-transformation"
    UNITS_OVERSOLD = "units-oversold"
    UNITS_MOVED = "units-moved"
    OFFER_INVALID = "offer-invalid"
    SAFETY_HELD = "safety-held"
    SAFETY_RECALLED = "safety-recalled"
    SAFETY_UNFOUNDED = "safety-unfounded"
    PRICE_FLOOR = "price-below-floor"
    SALE_AMOUNT = "sale-amount"
    ORDER_REPEATED = "order-repeated"
    SPLIT = "split-differs"
    CLAIM = "claim-differs"
    SETTLEMENT = "settlement-differs"
    WITHDRAWAL = "withdrawal-differs"
    PAYMENT_MISSING = "payment-missing"
    PAYOUT_MISSING = "payout-missing"
    CREDIT = "credit-differs"
    MONEY_UNEXPLAINED = "money-unexplained"
    RELAY = "relay-nonce"
    POOL_MEMBERS = "pool-members"
    POOL_RECEIPTS = "pool-receipts"
    STATE_BATCH = "state-batch"
    STATE_UNITS = "state-units"
    STATE_OFFER = "state-offer"
    STATE_DUE = "state-due"
    STATE_CREDIT = "state-credit"
    STATE_DELIVERY = "state-delivery"
    STATE_ACTOR = "state-actor"
    STATE_KEY = "state-key"
    STATE_CATALOGUE = "state-catalogue"
    TOKEN_BALANCE = "token-balance"  # noqa: S105 -- a rule, no password
    MONEY_CONSERVED = "money-conserved"

    @property
    def rank(self) -> int:
        """Its place among the rules, from 0."""
        return _RANKS[self]

    @property
    def words(self) -> "Words":
        """What it says."""
        return WORDS[self]


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in each language."""

    zh: str
    en: str


WORDS: Final = MappingProxyType(
    {
        Rule.CODE: Words(
            "合约的代码不是公布的那一份", "a contract's code is not the published one"
        ),
        Rule.OWNS_NATIVE: Words("合约里有不该有的原生币", "a contract owns native coin"),
        Rule.LOG_MALFORMED: Words(
            "一条日志不是这些合约写的样子", "a log is none that the contracts write"
        ),
        Rule.LOG_ORDER: Words("日志的先后次序被打乱", "logs stand out of order"),
        Rule.LOG_REPEATED: Words("同一条日志出现两次", "a log stands twice"),
        Rule.RECORD_MALFORMED: Words("一条记录读不出来", "a record cannot be read"),
        Rule.JOURNAL_BROKEN: Words(
            "批次历史断了：这条之前有记录被改动或缺失",
            "the batch's history is broken: a record before this one was changed, left out or added",
        ),
        Rule.JOURNAL_HEAD: Words(
            "批次历史与链上的哈希头不符：末尾有记录被改动或缺失",
            "the batch's history does not lead to the head on chain: its end was changed, left out or added",
        ),
        Rule.RECORD_TIME: Words("记录的时间不是区块的时间", "a record's time is not its block's"),
        Rule.RECORD_BATCH: Words("批次编号与批号不符", "a batch's id is not that of its lot"),
        Rule.AUTHOR_SIGNATURE: Words(
            "交易里没有这位作者的有效签名",
            "the transaction carries no valid signature of the author",
        ),
        Rule.WORDS: Words(
            "日志所说的与作者所签的不一致", "the log does not say what its author signed"
        ),
        Rule.AUTHOR_KEY: Words(
            "签名的钥匙当时不属于这位作者",
            "the signing key did not stand for the author at that time",
        ),
        Rule.AUTHOR_ROLE: Words(
            "这位作者当时无权这样做", "the author had no right to do this at that time"
        ),
        Rule.AUTHOR_SUSPENDED: Words(
            "这位作者当时已被停用", "the author was suspended at that time"
        ),
        Rule.ACTOR_ENROLMENT: Words("登记不合规", "an enrolment breaks the rules"),
        Rule.ACTOR_CHANGE: Words(
            "钥匙或状态的变更不合规", "a change of keys or standing breaks the rules"
        ),
        Rule.CATALOGUE: Words(
            "代币、产品或定约权的登记不合规", "an entry of the catalogue breaks the rules"
        ),
        Rule.TERMS_INVALID: Words("分配约定不合规", "terms break the rules"),
        Rule.TERMS_CODE: Words(
            "链上存的分配约定不是公布的那一份", "terms kept on chain are not those published"
        ),
        Rule.TERMS_NOT_IN_FORCE: Words(
            "交售所用的分配约定当时并未生效", "the terms were not those in force at that time"
        ),
        Rule.TERMS_DIFFER: Words(
            "批次的分配约定不是其交售的约定", "a batch's terms are not its deliveries'"
        ),
        Rule.TERMS_WEAKENED: Words(
            "加工后的约定对农户更差", "a transformation weakened what the farmers were promised"
        ),
        Rule.DELIVERY_INVALID: Words("交售登记不合规", "a delivery's booking breaks the rules"),
        Rule.DELIVERY_NOT_FREE: Words(
            "一笔交售不能这样使用", "a delivery was not free to be used so"
        ),
        Rule.DELIVERY_ENTRY: Words(
            "批次里的交售与过磅登记不符", "a batch's entries are not what was booked"
        ),
        Rule.BATCH_INVALID: Words(
            "批次的登记或操作不合规", "a batch's registration or an act on it breaks the rules"
        ),
        Rule.MASS_HARVEST: Words(
            "批次的质量与交售的质量不等", "a batch's mass is not that of its deliveries"
        ),
        Rule.MASS_TRANSFORMATION: Words(
            "加工产出的质量超过投入", "a transformation made more mass than it used"
        ),
        Rule.UNITS_OVERSOLD: Words(
            "动用的单位多于持有的单位", "more units were moved than were held"
        ),
        Rule.UNITS_MOVED: Words(
            "单位的变动与记录不符", "units moved otherwise than the record says"
        ),
        Rule.OFFER_INVALID: Words("交接不合规", "a hand-over breaks the rules"),
        Rule.SAFETY_HELD: Words("封存中的批次被动用", "a held batch was sold, used or handed on"),
        Rule.SAFETY_RECALLED: Words(
            "召回中的批次被动用", "a recalled batch was sold, used or handed on"
        ),
        Rule.SAFETY_UNFOUNDED: Words("解封或召回没有根据", "a release or recall has no ground"),
        Rule.PRICE_FLOOR: Words("价格低于保底价", "a price is below the floor"),
        Rule.SALE_AMOUNT: Words("付款不等于单价乘数量", "a payment is not price × units"),
        Rule.ORDER_REPEATED: Words("同一订单付了两次", "an order was paid twice"),
        Rule.SPLIT: Words(
            "付款的分配与约定不符", "a payment was shared otherwise than by its terms"
        ),
        Rule.PAYMENT_MISSING: Words("付款没有到账", "a payment's money did not come in"),
        Rule.PAYOUT_MISSING: Words(
            "应付的份额既没有付出也没有记账", "a share was neither paid out nor credited"
        ),
        Rule.CLAIM: Words("领取与应得不符", "a claim is not what was due"),
        Rule.SETTLEMENT: Words("结算与应得不符", "a settlement is not what was due"),
        Rule.CREDIT: Words("记账没有根据", "a credit has no ground"),
        Rule.WITHDRAWAL: Words("提取与记账不符", "a withdrawal is not what was credited"),
        Rule.MONEY_UNEXPLAINED: Words("有钱付出而没有根据", "money left without a ground"),
        Rule.RELAY: Words(
            "转发请求的序号不连续", "relayed requests are not numbered one after the other"
        ),
        Rule.POOL_MEMBERS: Words(
            "资金池的成员不是交售的农户", "a pool's members are not those of its deliveries"
        ),
        Rule.POOL_RECEIPTS: Words(
            "资金池的累计收款不符", "a pool's receipts are not what it was paid"
        ),
        Rule.STATE_BATCH: Words(
            "链上的批次与其历史不符", "the chain's state of a batch is not what its history says"
        ),
        Rule.STATE_UNITS: Words(
            "链上的持有单位与历史不符", "units held on chain are not what the history says"
        ),
        Rule.STATE_OFFER: Words(
            "链上的交接与历史不符", "an offer on chain is not what the history says"
        ),
        Rule.STATE_DUE: Words(
            "链上的应得金额与历史不符", "what a member is due on chain is not what the history says"
        ),
        Rule.STATE_CREDIT: Words(
            "链上的记账与历史不符", "a credit on chain is not what the history says"
        ),
        Rule.STATE_DELIVERY: Words(
            "链上的交售与历史不符", "a delivery on chain is not what was booked"
        ),
        Rule.STATE_ACTOR: Words(
            "链上的成员与历史不符", "an actor on chain is not what the history says"
        ),
        Rule.STATE_KEY: Words(
            "链上的钥匙与历史不符", "a key on chain is not what the history says"
        ),
        Rule.STATE_CATALOGUE: Words(
            "链上的产品目录与历史不符", "the catalogue on chain is not what the history says"
        ),
        Rule.TOKEN_BALANCE: Words(
            "支付合约的余额不等于收入减支出", "the payments' balance is not paid-in minus paid-out"
        ),
        Rule.MONEY_CONSERVED: Words("余额不等于应付的总和", "what is there is not what is owed"),
    }
)

_RANKS: Final = {rule: rank for rank, rule in enumerate(Rule)}
