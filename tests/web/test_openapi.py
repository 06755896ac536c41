"""The whole OpenAPI document, tried with whatever fits it and whatever does not."""

import os
import re
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from tests.web.house import PATIENCE, House

from yuanliu.web.app import create_app

if TYPE_CHECKING:
    from yuanliu.web.services import Services

pytestmark = [pytest.mark.node, pytest.mark.slow]

EXAMPLES: Final = 100 if os.environ.get("YUANLIU_LONG") else 4
CHECKS: Final[list[Any]] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
DOCUMENT: Final[dict[str, Any]] = create_app(cast("Services", None)).openapi()
OPERATIONS: Final[dict[str, Any]] = {
    operation.label: operation
    for operation in (
        cast("Any", found).ok()
        for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    )
}
NOBODY_ONLY: Final = {"DELETE /api/v1/session"}
"""What would end the house's own sessions."""


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_no_request_meets_an_answer_that_is_not_documented(home: House, label: str) -> None:
    people = [""] if label in NOBODY_ONLY else ["", "clerk", "platform", "inspector"]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        who=st.sampled_from(people),
        case=st.one_of(
            OPERATIONS[label].as_strategy(generation_mode=GenerationMode.POSITIVE),
            OPERATIONS[label].as_strategy(generation_mode=GenerationMode.NEGATIVE),
        ),
    )
    def tried(who: str, case: schemathesis.Case[Any]) -> None:
        client = home.client(who)
        answer = case.call(
            base_url=home.url,
            headers=dict(client.headers),
            cookies=dict(client.cookies),
            timeout=PATIENCE,  # theirs is ten seconds
        )
        case.validate_response(answer, checks=CHECKS)

    tried()


def test_every_operation_says_what_it_does_and_what_it_refuses() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            assert operation.get("description"), name
            assert operation["tags"], name
            if path.startswith("/api/v1") and path not in {
                "/api/v1/chain",
                "/api/v1/docs",
                "/api/v1/errors",
            }:
                assert {"422", "503"} <= set(operation["responses"]), name
            for status, response in operation["responses"].items():
                if int(status) >= 400 and path != "/readyz":
                    assert "application/problem+json" in response.get("content", {}), (name, status)


def test_every_field_that_is_handed_in_has_an_example_or_a_plain_type() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert (
            schema.get("description")
            or schema.get("enum")
            or name.startswith(("Body_", "Page_", "Json"))
        ), name


def test_the_document_names_no_refusal_in_another_shape() -> None:
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]
    assert not re.search("HTTPValidationError", str(DOCUMENT["paths"]))
