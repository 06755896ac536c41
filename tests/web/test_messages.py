"""Every refusal has a name and a way out in both languages."""

import ast
import json
import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuanliu.chain.artifacts import ARTIFACTS_DIR
from yuanliu.web import messages
from yuanliu.web.pages.texts import FOLDER

PACKAGE: Final = Path(messages.__file__).parents[1]

TITLE_LENGTH: Final = 40
HINT_LENGTH: Final = 120

COMMAND_LINE_ONLY: Final = frozenset(
    {"artifact", "audit", "backup", "compiler", "demo", "deployment", "devnet", "keys"}
)
"""Families that only who installs and starts the service meets, on the command line, which speaks English."""

NOT_CODES: Final = frozenset(
    {
        "batch.register",  # a scenario of the gas benchmark
        "evm.methodIdentifiers",  # an output of the compiler
        "http.request",  # messages of ASGI
        "http.response",
        "yuanliu.cli",  # a module that is started
        "yuanliu.demo",  # a package whose files are read
    }
)

_FILES: Final = frozenset(
    {
        "css",
        "db",
        "html",
        "js",
        "json",
        "key",
        "lock",
        "log",
        "md",
        "pid",
        "png",
        "py",
        "sol",
        "svg",
    }
)
_PAGES: Final = frozenset(path.stem for path in FOLDER.glob("*.toml"))
"""Areas of the pages: their keys are words of their own, see `tests/web/test_frame.py`."""

_CODE: Final = re.compile(r"([a-z]{3,})\.([A-Za-z][A-Za-z0-9_]*)")
_PREFIX: Final = re.compile(r"[a-z]+\.[a-z_]*")
_LOGGING: Final = frozenset({"debug", "info", "warning", "error", "exception", "get_logger"})
_HAN: Final = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_MACHINE: Final = re.compile(
    r"\b(0x\w*|abi|bytes?|calldata|eip|erc|ethereum|gas|hash|hex|keccak|merkle|nonce|payload|revert|rpc|token|tx|wei)\b"
    r"|哈希|区块|链上|智能合约|字节|十六进制|代币",
    re.IGNORECASE,
)

Calls = dict[tuple[Path | None, str], set[tuple[int, str, str, str]]]
"""What makes codes, by module (None: any) and name: the argument's place and name, and what stands around it."""


@cache
def entries() -> Mapping[str, Mapping[str, list[str]]]:
    data = tomllib.loads((PACKAGE / "web" / "messages.toml").read_text(encoding="utf-8"))
    assert data
    return data


def own_words() -> set[str]:
    """Give the codes that have words of their own."""
    return {key for key in entries() if not key.endswith((".", "_", "*"))}


def contract_codes() -> set[str]:
    """Give the code of every error that a contract of ours can answer with."""
    found = {"contract.Error", "contract.Panic", "contract.Unknown"}
    for path in ARTIFACTS_DIR.glob("*.json"):
        abi = json.loads(path.read_text(encoding="utf-8")).get("abi", [])
        found |= {f"contract.{entry['name']}" for entry in abi if entry["type"] == "error"}
    return found


@cache
def package_codes() -> frozenset[str]:
    """Give every code that the sources spell out, or put together from a family and a reason."""
    sources = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    return frozenset(codes_of(sources))


@dataclass
class _Function:
    """A function, by its name or, if it is a constructor, that of its class; or what stands outside of all."""

    name: str
    parameters: list[str]
    texts: list[ast.JoinedStr] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)


@dataclass
class _Module:
    """What a source consists of, found in one walk: walking it for each question took 16 s for all."""

    functions: list[_Function] = field(default_factory=lambda: [_Function("_module", [])])
    classes: list[ast.ClassDef] = field(default_factory=list)
    texts: list[ast.Constant] = field(default_factory=list)

    def read(self, node: ast.AST, within: tuple[_Function, ...], owner: str = "") -> None:
        match node:
            case ast.Constant():
                if isinstance(node.value, str):
                    self.texts.append(node)
                return
            case ast.ClassDef():
                self.classes.append(node)
                owner = node.name
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                parameters = [arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)]
                if parameters[:1] in (["self"], ["cls"]):
                    parameters = parameters[1:]
                name = owner if owner and node.name == "__init__" else node.name
                self.functions.append(_Function(name, parameters))
                within = (*within, self.functions[-1])
                owner = ""
            case ast.JoinedStr() | ast.Call():
                for each in within:
                    (each.texts if isinstance(node, ast.JoinedStr) else each.calls).append(node)  # type: ignore[arg-type]
                owner = ""
            case ast.Name() | ast.expr_context() | ast.operator():
                return
            case _:
                owner = ""
        for child in ast.iter_child_nodes(node):
            self.read(child, within, owner)

    @classmethod
    def of(cls, source: str) -> "_Module":
        made = cls()
        made.read(ast.parse(source), (made.functions[0],))
        return made


def codes_of(sources: Mapping[Path, str]) -> set[str]:
    modules = {path: _Module.of(source) for path, source in sources.items()}
    found = {
        code for module in modules.values() for code in (*_spelt(module), *_documented(module))
    }
    found |= _put_together(modules)
    return {
        code
        for code in found - NOT_CODES
        if code.partition(".")[2] not in _FILES
        and code.partition(".")[0] not in COMMAND_LINE_ONLY | _PAGES
        and not code.endswith("_")
    }


def _spelt(module: _Module) -> Iterator[str]:
    """Find the texts that are a code, but for what is written into the log."""
    logged = {
        id(call.args[0])
        for call in module.functions[0].calls
        if call.args and isinstance(call.func, ast.Attribute) and call.func.attr in _LOGGING
    }
    for text in module.texts:
        if _CODE.fullmatch(str(text.value)) and id(text) not in logged:
            yield str(text.value)


def _documented(module: _Module) -> Iterator[str]:
    """Find what the docstring of an error lists: whole codes, or reasons after `epcis.` was announced."""
    for node in module.classes:
        if node.name.endswith("Error"):
            _, _, text = (ast.get_docstring(node) or "").partition("Codes")
            family = re.search(r"all with `([a-z]+\.)` before them", text)
            for word in re.findall(r"`([a-z_.]+)`", text):
                if family and re.fullmatch(r"[a-z_]+", word):
                    yield family[1] + word
                elif re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", word) and not word.startswith(
                    "yuanliu."
                ):
                    yield word


def _put_together(modules: Mapping[Path, _Module]) -> set[str]:
    """Follow `f"family.{reason}"` back to whoever gives the reason."""
    calls: Calls = {}
    found: set[str] = set()
    before = -1
    while before != (before := len(found) + sum(map(len, calls.values()))):
        for path, module in modules.items():
            for each in module.functions:
                key = (path if each.name.startswith("_") else None, each.name)
                made = calls.setdefault(key, set())
                for start, value, end in _pieces(each, calls, path):
                    for said in _values(value):
                        if isinstance(said, ast.Constant) and isinstance(said.value, str):
                            found.add(start + said.value + end)
                        elif isinstance(said, ast.Name) and said.id in each.parameters:
                            made.add((each.parameters.index(said.id), said.id, start, end))
    return {code for code in found if _CODE.fullmatch(code)}


def _pieces(function: _Function, calls: Calls, path: Path) -> Iterator[tuple[str, ast.expr, str]]:
    for text in function.texts:
        yield from _formatted(text)
    for node in function.calls:
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        wanted = calls.get((path if name.startswith("_") else None, name))
        if not wanted:
            continue
        given_by_name = {word.arg: word.value for word in node.keywords}
        for place, parameter, start, end in wanted.copy():
            if parameter in given_by_name:
                yield start, given_by_name[parameter], end
            elif place < len(node.args):
                yield start, node.args[place], end


def _formatted(node: ast.JoinedStr) -> Iterator[tuple[str, ast.expr, str]]:
    start, value, *rest = [*node.values, None, None][: max(2, len(node.values))]
    if not isinstance(start, ast.Constant) or not isinstance(value, ast.FormattedValue):
        return
    ends = [part.value for part in rest if isinstance(part, ast.Constant)]
    if _PREFIX.fullmatch(str(start.value)) and len(ends) == len(rest) <= 1:
        yield str(start.value), value.value, "".join(map(str, ends))


def _values(value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(value, ast.IfExp):
        yield from _values(value.body)
        yield from _values(value.orelse)
    else:
        yield value


# ------------------------------------------------------------------ every code


def test_every_refusal_of_a_contract_has_words() -> None:
    found = contract_codes()
    assert len(found) > 120
    assert sorted(found - own_words()) == []


def test_every_code_in_the_sources_has_words() -> None:
    found = package_codes()
    assert {"epcis.ilmd_misplaced", "identifiers.gtin_zero", "contract.Unknown"} <= found
    assert sorted(found - own_words()) == []


def test_no_words_are_for_codes_that_nobody_gives() -> None:
    assert sorted(own_words() - contract_codes() - package_codes()) == []


def test_every_family_has_words() -> None:
    families = {code.partition(".")[0] + "." for code in package_codes()}
    families |= {code.partition("_")[0] + "_" for code in contract_codes() if "_" in code}
    families -= {"contract.DemoYuan_"}  # its two errors are its whole family
    assert sorted(families - entries().keys()) == []


def test_a_new_code_is_found_however_it_is_written() -> None:
    source = """
class RoomError(YuanliuError):
    '''Thrown in the room. Codes: `room.documented`.'''
    def __init__(self, reason, message):
        super().__init__(f"room.{reason}_refused", message)

def _refuse(at, reason, *, hint=""):
    raise YuanliuError(f"room.{reason}", at)

def _through(why):
    _refuse("here", why)

def act(log):
    log.info("room.logged")
    open("room.json")
    raise YuanliuError("room.spelt", "no")

_refuse("", "called")
_refuse("", reason="named" if late else "other")
_through("deeper")
raise RoomError("constructed", "no")
"""
    assert codes_of({Path("room.py"): source}) == {
        "room.called",
        "room.constructed_refused",
        "room.deeper",
        "room.documented",
        "room.named",
        "room.other",
        "room.spelt",
    }


# ------------------------------------------------------------------ every text


@pytest.mark.parametrize("key", sorted(entries()))
def test_words_are_whole_short_and_plain(key: str) -> None:
    assert sorted(entries()[key]) == ["en", "zh"]
    for language, texts in entries()[key].items():
        title, hint = texts
        assert 0 < len(title) <= TITLE_LENGTH
        assert 0 < len(hint) <= HINT_LENGTH
        for text in (title, hint):
            assert text == text.strip()
            assert bool(_HAN.search(text)) == (language == "zh"), text
            assert not set("{}<>%") & set(text.replace(" %", "").replace("0%", "")), text
            assert not list(_fields(text)), text
            assert not _MACHINE.search(text), text
        assert title[-1] not in "。.!！"
        assert (hint[-1] == "。") == (language == "zh")


def _fields(text: str) -> Iterator[str]:
    return (name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


# ------------------------------------------------------------------ choosing words


def test_a_code_has_its_own_title() -> None:
    code = "contract.Batches_PriceBelowFloor"
    assert messages.title(code, "zh", "conflict") == "价格低于保底价"
    assert messages.title(code, "en", "conflict") == "The price is below the floor price"


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("contract.Batches_NotThoughtOf", "contract.Batches_"),
        ("contract.Payments_NotThoughtOf", "contract.Payments_"),
        ("contract.NotThoughtOf", "contract."),
        ("contract.Nothing_NotThoughtOf", "contract."),
        ("epcis.not_thought_of", "epcis."),
        ("money.unthought", "money."),
    ],
)
def test_a_code_without_words_has_its_familys(code: str, family: str) -> None:
    for language in ("zh", "en"):
        title, hint = entries()[family][language]
        assert messages.title(code, language, "conflict") == title
        assert messages.hint(code, language, "") == hint


@pytest.mark.parametrize("code", ["nowhere.at_all", "nowhere", "", ".", "_", "Contract.Batches_X"])
def test_a_stranger_has_the_fallback_or_a_general_title(code: str) -> None:
    assert messages.title(code, "en", "not found") == "not found"
    assert messages.title(code, "zh", "not found") == entries()["*"]["zh"][0]
    assert messages.title(code, "en", "") == entries()["*"]["en"][0]
    assert messages.hint(code, "zh", "look again") == "look again"
    assert messages.hint(code, "en", "") == ""


def test_chinese_prefers_our_hint_and_english_the_given_one() -> None:
    code = "money.yuan_invalid"
    ours = entries()[code]
    assert messages.hint(code, "zh", "write digits") == ours["zh"][1]
    assert messages.hint(code, "en", "write digits") == "write digits"
    assert messages.hint(code, "en", "") == ours["en"][1]


# ------------------------------------------------------------------ language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"),
        ("*", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hant-TW", "zh"),
        ("en", "en"),
        ("EN-us", "en"),
        ("en-US,en;q=0.9", "en"),
        ("en-GB,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.8,zh;q=0.9", "zh"),
        ("zh;q=0.8 , en ; q=0.9", "en"),
        ("en;q=0.5,zh;q=0.5", "zh"),  # as much wanted: ours
        ("en,*;q=0.5", "en"),
        ("en;q=0.3,*;q=0.5", "zh"),  # the star stands for what is not named
        ("zh;q=0,*", "en"),
        ("zh;q=0", "zh"),  # English was not asked for
        ("zh;q=0,en;q=0.001", "en"),
        ("en;q=0", "zh"),
        ("en;q=0.000", "zh"),
        ("en-US;q=0,en;q=0.7", "en"),
        ("fr,de;q=0.9", "zh"),
        ("fr,en;q=0.1", "en"),
        ("ug-CN,bo;q=0.9,en;q=0.2", "en"),
        ("english", "zh"),
        ("eng", "zh"),
        ("en;q=2", "zh"),
        ("en;q=1.001", "zh"),
        ("en;q=0.1234", "zh"),
        ("en;q=-1", "zh"),
        ("en;q=nan", "zh"),
        ("en;q=١", "zh"),
        ("en;level=1", "zh"),
        ("en;", "zh"),
        ("en_US", "zh"),
        (";;;,,,", "zh"),
        ("nonsense!!, en", "en"),  # the rest still counts
        (", en ,", "en"),
        ("ｅｎ", "zh"),
    ],
)
def test_the_language_is_negotiated(header: str, language: str) -> None:
    assert messages.language_of(header) == language


@given(st.text(alphabet="ezhnq=;,.*-01 5\t\x00é中", max_size=60))
def test_any_header_gives_a_language(header: str) -> None:
    assert messages.language_of(header) in {"zh", "en"}
    assert messages.language_of(header + ",en;q=0") in {"zh", "en"}


def test_a_long_header_is_read_at_once() -> None:
    assert messages.language_of("en-" * 20_000 + "," + "a-" * 20_000 + ",en") == "en"
