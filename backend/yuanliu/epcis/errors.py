"""What is refused about an event."""

from yuanliu.errors import YuanliuError


class EpcisError(YuanliuError):
    """Thrown when an event cannot be built or read, breaks a rule, or a query cannot be answered.

    Codes, all with `epcis.` before them:

    Bytes: `payload_too_long`, `payload_not_utf8`, `payload_not_json`, `payload_not_object`, `duplicate_key`,
    `number_invalid`, `text_invalid`, `too_deep`.

    Building: `word_invalid`, `hash_invalid`, `measurements_invalid`, `verdict_contradicts`, `already_declared`,
    `offer_missing`.

    Shape: `type_invalid`, `field_missing`, `field_unknown`, `value_type`, `value_invalid`, `list_empty`,
    `list_repeats`, `uri_invalid`, `time_invalid`, `offset_invalid`, `uom_invalid`, `hex_invalid`, `event_malformed`.

    Rules: `word_unknown`, `identifier_malformed`, `class_for_thing`, `thing_for_class`, `quantity_missing`,
    `quantity_negative`, `uom_missing`, `value_negative`, `values_out_of_order`, `percentile_invalid`,
    `period_reversed`, `time_before_event`, `correction_of_itself`, `disposition_contradicts`, `ilmd_misplaced`,
    `parent_in_children`.

    Contexts: `context_invalid`, `context_remote`, `context_redefines`, `namespace_undeclared`.

    Queries: `query_unknown`, `query_unsupported`, `query_repeated`, `query_invalid`, `query_contradicts`,
    `token_invalid`, `token_foreign`.
    """
