"""What is wrong with a spreadsheet, as a whole or in one cell."""

from yuanliu.errors import YuanliuError


class SheetError(YuanliuError):
    """Thrown for a file that cannot be read as rows.

    Codes: `sheets.not_a_sheet`, `sheets.too_large`, `sheets.too_many_rows`, `sheets.no_rows`,
    `sheets.columns_missing`.
    """


class CellError(YuanliuError):
    """Thrown for one cell; the rest of the row is looked at all the same.

    Codes: `sheets.cell_empty`, `sheets.cell_formula`, `sheets.cell_kind`, `sheets.cell_too_long`,
    `sheets.code_invalid`, `sheets.receipt_invalid`, `sheets.weight_invalid`, `sheets.tare_too_large`,
    `sheets.grade_invalid`, `sheets.price_invalid`, `sheets.product_unknown`, `sheets.farmer_unknown`,
    `sheets.twice`, `sheets.taken`, `sheets.done_already`, `sheets.time_invalid`, `sheets.time_twice`,
    `sheets.celsius_invalid`.
    """
