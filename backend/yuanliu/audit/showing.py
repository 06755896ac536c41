"""A report for people: as text, as one HTML file that needs nothing else, as PDF. Chinese first, English beside it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from yuanliu.audit.findings import Finding
from yuanliu.audit.report import Report
from yuanliu.audit.rules import Rule
from yuanliu.audit.signing import Signature
from yuanliu.paper.document import Bar, Column, Document

TITLE: Final = "源流审计报告 · Yuanliu audit report"
CLEAN: Final = "没有发现问题 · nothing is wrong"
_SHOWN: Final = 2_000
"""Findings that are printed; the JSON has all."""

_COUNTS: Final = {
    "records": "批次记录 records",
    "batches": "批次 batches",
    "deliveries": "交售 deliveries",
    "payments": "付款 payments",
    "actors": "成员 actors",
    "terms": "分配约定 terms",
    "recalls": "召回 recalls",
    "signatures": "核对的签名 signatures checked",
    "questions": "核对的链上状态 questions on state",
}
_SHARES: Final = {
    "farmers": "农户 farmers",
    "cooperatives": "合作社 cooperatives",
    "platforms": "平台 platforms",
}
_NOTES: Final = {
    "impersonated": (
        "开发链允许代任何人发交易：这些交易没有签名可查",
        "a development chain lets anyone send in anyone's name: these transactions have no signature",
    ),
    "wallets": (
        "合约钱包的签名规则可能已变，当时的签名现在无法重查",
        "a contract wallet's rules may have changed: what it signed then cannot be checked now",
    ),
    "state_not_compared": (
        "合约代码不对，链上状态没有再核对",
        "code differs, so the state was not compared",
    ),
}
LIMITS: Final = (
    "只问了一个节点。请把区块哈希与另一个节点比较：谁控制唯一的节点，谁就能给出另一条链，或藏起没有后续的日志。",
    (
        "One node was asked. Compare the block's hash with another node's: whoever controls the only node that is asked"
        " can show another chain, or hide a log of which nothing follows."
    ),
)


def verdict(report: Report) -> str:
    """Say in a line whether something is wrong."""
    number = len(report.findings)
    return CLEAN if report.is_clean else f"发现 {number} 个问题 · {number} findings"


def facts(report: Report, signature: Signature | None) -> Iterator[tuple[str, str]]:
    """Give what was audited, as names and values."""
    when = datetime.fromtimestamp(report.block_time, tz=UTC)
    yield "链 chain", str(report.chain_id)
    yield "合约 contract (Batches)", report.contract
    yield "合约源码 source hash", report.source_hash
    yield "区块 blocks", f"{report.first_block:,} – {report.block:,} ({when:%Y-%m-%d %H:%M:%S} UTC)"
    yield "区块哈希 block hash", report.block_hash
    for name, words in _COUNTS.items():
        yield words, f"{report.counts.get(name, 0):,}"
    for name, number in report.notes.items():
        zh, en = _NOTES[name]
        yield "说明 note", f"{zh} · {en}: {number:,}"
    yield "报告 SHA-256", report.sha256()
    if signature is not None:
        yield "审计人 signed by (EIP-191)", signature.signer
        yield "签名 signature", signature.signature


def text(report: Report, signature: Signature | None) -> str:
    """Give the report as plain text."""
    lines = [TITLE, "", verdict(report), ""]
    lines += [f"  {name}: {value}" for name, value in facts(report, signature)]
    for m in report.money:
        lines.append(
            f"  {m.token}: 收 came {m.came:,}, 付 went {m.went:,}, 应付 owed {m.owed:,}, 误转 gifts {m.gifts:,}"
        )
    for number, finding in enumerate(report.findings[:_SHOWN], start=1):
        lines += ["", f"{number}. [{finding.rule}] {finding.zh}", f"   {finding.en}"]
        lines += [f"   {name}: {value}" for name, value in _where(finding)]
    return "\n".join([*lines, "", *LIMITS]) + "\n"


def _where(finding: Finding) -> Iterator[tuple[str, str]]:
    for name, value in (
        ("批次 batch", finding.batch),
        ("交易 transaction", finding.transaction),
        ("区块 block", f"{finding.block:,}" if finding.block else ""),
        ("成员 actor", finding.actor),
        ("代币 token", finding.token),
        ("同一原因还违反 also broken", ", ".join(finding.follows)),
    ):
        if value:
            yield name, value


def _by_rule(findings: Sequence[Finding]) -> list[tuple[Rule, int]]:
    return Counter(finding.rule for finding in findings).most_common()


# ---------------------------------------------------------------------- HTML

_STYLE: Final = (
    "body{font:15px/1.6 system-ui,'Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif;max-width:60rem;"
    "margin:2rem auto;padding:0 1rem;color:#1c2321}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
    ".clean{color:#146c43}.wrong{color:#a61b1b}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ddd;overflow-wrap:anywhere}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}article{border-left:4px solid #a61b1b;padding:.2rem 1rem;"
    "margin:1rem 0;overflow-wrap:anywhere}code{font-size:.85em}svg{width:100%;height:auto}@media print{body{margin:0}}"
)
_COLOURS: Final = ("#2f855a", "#b7791f", "#2b6cb0", "#a61b1b", "#6b46c1")


def html(report: Report, signature: Signature | None) -> str:
    """Give the report as one HTML file: no script, no foreign address."""
    kind = "clean" if report.is_clean else "wrong"
    shares = [(words, report.shares.get(name, 0)) for name, words in _SHARES.items()]
    parts = [
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{TITLE}</title><style>{_STYLE}</style></head><body><h1>{TITLE}</h1>",
        f'<p class="{kind}"><strong>{escape(verdict(report))}</strong></p>',
        _table(facts(report, signature)),
        "<h2>付款怎样分配 · how payments were shared</h2>",
        _bars("付款怎样分配", shares),
        "<h2>资金 · money</h2>",
    ]
    for m in report.money:
        parts.append(f"<h3><code>{escape(m.token)}</code></h3>")
        flows = [("收入 came", m.came), ("付出 went", m.went), ("应付 owed", m.owed)]
        parts.append(_bars("资金", [*flows, ("误转 gifts", m.gifts)]))
    if report.findings:
        parts.append("<h2>发现的问题 · findings</h2>")
        parts.append(
            _bars("按规则", [(rule.value, count) for rule, count in _by_rule(report.findings)])
        )
        parts += [_article(number, f) for number, f in enumerate(report.findings[:_SHOWN], start=1)]
    parts += [f"<p>{escape(limit)}</p>" for limit in LIMITS]
    return "\n".join([*parts, "</body></html>", ""])


def _table(rows: Iterator[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows
    )
    return f"<table>{cells}</table>"


def _article(number: int, finding: Finding) -> str:
    return (
        f"<article><p><strong>{number}. {escape(finding.zh)}</strong><br>{escape(finding.en)}<br>"
        f"<code>{escape(finding.rule)}</code></p>{_table(_where(finding))}</article>"
    )


def _bars(label: str, values: Sequence[tuple[str, int]]) -> str:
    """Draw lying bars with their names and figures."""
    most = max((value for _, value in values), default=0) or 1
    shapes = []
    for i, (name, value) in enumerate(values):
        wide, y = max(value, 0) / most * 480, 30 * i
        shapes.append(
            f'<text x="0" y="{y + 19}">{escape(name)}</text><rect x="240" y="{y + 6}" width="{wide:.1f}" height="18"'
            f' fill="{_COLOURS[i % len(_COLOURS)]}"/><text x="{250 + wide:.1f}" y="{y + 19}">{value:,}</text>'
        )
    high = 30 * len(values) + 4
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 900 {high}" font-size="14">'
        f"{''.join(shapes)}</svg>"
    )


# ---------------------------------------------------------------------- PDF


def pdf(report: Report, signature: Signature | None) -> bytes:
    """Give the report as PDF on A4."""
    made = Document(TITLE, header=verdict(report), footer=f"SHA-256 {report.sha256()}")
    made.heading(verdict(report))
    made.facts(facts(report, signature))
    bars = [
        Bar(words, report.shares.get(name, 0), f"{report.shares.get(name, 0):,}")
        for name, words in _SHARES.items()
    ]
    made.bars("付款怎样分配（最小货币单位） · how payments were shared (smallest unit)", bars)
    made.heading("资金 · money")
    columns = [
        Column("代币 token", 66),
        *(
            Column(name, 27, "right")
            for name in ("收入 came", "付出 went", "应付 owed", "误转 gifts")
        ),
    ]
    made.table(
        columns,
        [
            (m.token, f"{m.came:,}", f"{m.went:,}", f"{m.owed:,}", f"{m.gifts:,}")
            for m in report.money
        ],
    )
    made.heading("发现的问题 · findings")
    if report.is_clean:
        made.paragraph(CLEAN)
    else:
        by_rule = [
            Bar(rule.value, count, f"{count:,}") for rule, count in _by_rule(report.findings)
        ]
        made.bars("按规则 · by rule", by_rule)
    for number, finding in enumerate(report.findings[:_SHOWN], start=1):
        made.heading(f"{number}. {finding.rule}", level=3)
        made.paragraph(f"{finding.zh}\n{finding.en}")
        made.facts(_where(finding))
    for limit in LIMITS:
        made.paragraph(limit, small=True)
    return made.pdf()
