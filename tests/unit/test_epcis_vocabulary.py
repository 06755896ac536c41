"""The words of the CBV and the contexts that bind them."""

import pytest

from yuanliu.epcis import EpcisError, contexts, vocabulary
from yuanliu.epcis.contexts import CONTEXT, KNOWN_CONTEXTS, NAMESPACE, OURS, STANDARD, read_context
from yuanliu.epcis.vocabulary import Vocabulary

COUNTS = {
    vocabulary.BUSINESS_STEPS: 41,
    vocabulary.DISPOSITIONS: 33,
    vocabulary.BUSINESS_TRANSACTIONS: 13,
    vocabulary.SOURCES_AND_DESTINATIONS: 3,
    vocabulary.ERROR_REASONS: 2,
    vocabulary.COMPONENTS: 14,
    vocabulary.MEASUREMENTS: 72,
    vocabulary.ALERTS: 2,
}


def refused(code: str) -> pytest.RaisesExc[EpcisError]:
    return pytest.RaisesExc(EpcisError, check=lambda error: error.code == f"epcis.{code}")


def names(words: Vocabulary) -> str:
    return words.name


@pytest.mark.parametrize("words", vocabulary.ALL, ids=names)
def test_every_word_is_there_once_and_known_in_each_form(words: Vocabulary) -> None:
    assert len(words.words) == len(set(words.words)) == COUNTS[words]
    for word in words.words:
        uri = words.web[0] + word
        forms = [word, *(prefix + word for prefix in (*words.web, *words.urns))]
        assert {words.uri(form) for form in forms} == {uri}
        assert {words.word(form) for form in forms} == {word}


def test_no_uri_has_two_meanings() -> None:
    uris = [uri for words in vocabulary.ALL for uri in set(words.uris.values())]
    assert len(uris) == len(set(uris)) == sum(COUNTS.values()) == 180


@pytest.mark.parametrize(
    ("words", "text", "uri"),
    [
        (
            vocabulary.BUSINESS_STEPS,
            "urn:epcglobal:cbv:bizstep:receiving",
            "https://ref.gs1.org/cbv/BizStep-receiving",
        ),
        (vocabulary.DISPOSITIONS, "cbv:Disp-recalled", "https://ref.gs1.org/cbv/Disp-recalled"),
        (vocabulary.BUSINESS_TRANSACTIONS, "po", "https://ref.gs1.org/cbv/BTT-po"),
        (
            vocabulary.SOURCES_AND_DESTINATIONS,
            "urn:epcglobal:cbv:sdt:location",
            "https://ref.gs1.org/cbv/SDT-location",
        ),
        (
            vocabulary.ERROR_REASONS,
            "did_not_occur",
            "https://ref.gs1.org/cbv/ER-did_not_occur",
        ),
        (vocabulary.COMPONENTS, "latitude", "https://ref.gs1.org/cbv/Comp-latitude"),
        (vocabulary.MEASUREMENTS, "gs1:Angle", "https://ref.gs1.org/voc/Angle"),
        (
            vocabulary.MEASUREMENTS,
            "https://gs1.org/voc/Temperature",
            "https://ref.gs1.org/voc/Temperature",
        ),
        (vocabulary.ALERTS, "ALARM_CONDITION", "https://ref.gs1.org/voc/ALARM_CONDITION"),
    ],
)
def test_a_word_has_one_uri(words: Vocabulary, text: str, uri: str) -> None:
    assert words.uri(text) == uri


def test_a_word_of_another_vocabulary_is_a_uri_and_passes() -> None:
    own = "https://shop.example/steps/smoking"
    assert vocabulary.BUSINESS_STEPS.uri(own) == vocabulary.BUSINESS_STEPS.word(own) == own


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("recieving", "receiving"),
        ("Receiving", "receiving"),
        ("https://ref.gs1.org/cbv/BizStep-recieving", "receiving"),
        ("urn:epcglobal:cbv:bizstep:inspected", "inspecting"),
        ("cbv:Disp-active", None),
        ("", None),
        ("收货", None),
    ],
)
def test_an_unknown_word_is_refused_with_the_nearest(text: str, suggestion: str | None) -> None:
    with refused("word_unknown") as caught:
        vocabulary.BUSINESS_STEPS.uri(text)
    assert caught.value.fields["suggestion"] == suggestion
    assert suggestion is None or suggestion in caught.value.hint


# ---------------------------------------------------------------------- contexts


@pytest.mark.parametrize("name", sorted(KNOWN_CONTEXTS))
def test_the_standards_context_is_known_by_name(name: str) -> None:
    assert read_context(name) == read_context([name]) == STANDARD
    assert contexts.names_standard(name)
    assert contexts.names_standard(["x", name])


def test_our_own_document_declares_our_prefix() -> None:
    found = read_context(contexts.document_context())
    assert found == OURS
    assert found.own == {"yuanliu": NAMESPACE}
    assert found.expand("yuanliu:step") == (NAMESPACE, "step")


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example/context.jsonld",
        "http://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        CONTEXT + "#",
        CONTEXT + "?x",
        "file:///etc/passwd",
        "",
    ],
)
def test_nothing_remote_is_fetched(name: str) -> None:
    with refused("context_remote") as caught:
        read_context([CONTEXT, name])
    assert CONTEXT in caught.value.hint


@pytest.mark.parametrize(
    "context",
    [
        None,
        7,
        [[CONTEXT]],
        {"@vocab": "https://x.example/"},
        {"@import": "https://x.example/"},
        {"@base": "https://x.example/"},
        {"x": "no namespace"},
        {"x": 7},
        {"x": None},
        {"x": {"@id": "https://x.example/", "@type": "@id"}},
        {"a b": "https://x.example/"},
        {"": "https://x.example/"},
        {f"p{number}": f"https://x.example/{number}/" for number in range(80)},
    ],
    ids=range(13),
)
def test_what_is_no_declaration_of_prefixes_is_refused(context: object) -> None:
    with refused("context_invalid"):
        read_context(context)


@pytest.mark.parametrize(
    "context",
    [
        {"cbv": "https://x.example/"},
        [{"x": "https://x.example/1/"}, {"x": "https://x.example/2/"}],
    ],
)
def test_a_prefix_keeps_its_meaning(context: object) -> None:
    with refused("context_redefines"):
        read_context(context)


def test_older_spellings_of_the_standards_namespaces_mean_the_same() -> None:
    older = [CONTEXT, {"gs1": "https://gs1.org/voc/", "cbvmda": "urn:epcglobal:cbv:mda:"}]
    assert read_context(older) == STANDARD


def test_one_documents_prefixes_do_not_hold_in_the_next() -> None:
    read_context({"shop": "https://shop.example/"})
    assert read_context(CONTEXT).expand("shop:x") is None
    assert "shop" not in STANDARD.prefixes


@pytest.mark.parametrize(
    ("name", "expanded"),
    [
        ("cbvmda:lotNumber", ("urn:epcglobal:cbv:mda", "lotNumber")),
        ("https://shop.example/epcis/grade", ("https://shop.example/epcis/", "grade")),
        ("https://shop.example/epcis#grade", ("https://shop.example/epcis#", "grade")),
        ("urn:shop:grade", ("urn:shop:", "grade")),
        ("shop:grade", None),
        ("grade", None),
        ("cbv:", None),
        ("https://shop.example/", None),
        ("https://a b/c", None),
    ],
)
def test_the_name_of_an_extension_is_split(name: str, expanded: tuple[str, str] | None) -> None:
    assert STANDARD.expand(name) == expanded
