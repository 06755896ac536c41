# ruff: noqa: INP001 -- a program by itself
"""What others' libraries compute of the same input, in an environment of their own; run by `yuanliu bench field`.

Reads a JSON object from stdin: `documents` (EPCIS documents), `links` (GS1 Digital Links), `schema` (the path of a
JSON schema of documents), `rounds`. Writes one to stdout: for each step the best CPU seconds of all rounds, and what
was found.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from biip import ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from epcis_event_hash_generator import hash_generator, json_to_py
from epcis_event_hash_generator.file_document_loader import file_document_loader
from jsonschema import Draft7Validator
from pyld import jsonld


def main() -> None:
    """Compute all of it."""
    asked = json.load(sys.stdin)
    rounds = asked["rounds"]
    jsonld.set_document_loader(
        file_document_loader()
    )  # the standard's context comes with the package
    documents = [json.dumps(document) for document in asked["documents"]]
    answer = {
        "hashed": best(rounds, lambda: hashes(documents)),
        "parsed": best(rounds, lambda: [parsed(link) for link in asked["links"]]),
    }
    answer["hashes"] = hashes(documents)
    answer["accepted_links"] = sum(map(parsed, asked["links"]))
    if asked["schema"]:
        validator = Draft7Validator(json.loads(Path(asked["schema"]).read_text(encoding="utf-8")))
        answer["validated"] = best(rounds, lambda: [valid(validator, text) for text in documents])
        answer["accepted_documents"] = sum(valid(validator, text) for text in documents)
    json.dump(answer, sys.stdout)


def best(rounds: int, step: Callable[[], object]) -> float:
    """Give the CPU seconds of the fastest round."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        step()
        taken.append(time.process_time() - started)
    return min(taken)


def hashes(documents: list[str]) -> list[str]:
    """Hash every event of every document."""
    found: list[str] = []
    for text in documents:
        events = json_to_py.event_list_from_epcis_document_str(text)
        found += hash_generator.epcis_hashes_from_events(events)
    return found


def valid(validator: Draft7Validator, text: str) -> bool:
    """Tell whether a document keeps to the schema."""
    return validator.is_valid(json.loads(text))


def parsed(link: str) -> bool:
    """Tell whether a link can be read."""
    try:
        GS1DigitalLinkURI.parse(link)
    except ParseError:
        return False
    return True


if __name__ == "__main__":
    main()
