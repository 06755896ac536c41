"""What is refused about an event."""

from yuanliu.errors import YuanliuError


class EpcisError(YuanliuError):
    """Thrown when an event cannot be built, or bytes are none.

    Codes: `epcis.payload_too_long`, `epcis.payload_not_utf8`, `epcis.payload_not_json`,
    `epcis.payload_not_object`, `epcis.duplicate_key`, `epcis.number_invalid`, `epcis.text_invalid`,
    `epcis.too_deep`, `epcis.type_invalid`, `epcis.time_invalid`, `epcis.uri_invalid`, `epcis.word_invalid`,
    `epcis.hash_invalid`, `epcis.measurements_invalid`, `epcis.verdict_contradicts`, `epcis.already_declared`.
    """
