"""Spreadsheets that a cooperative hands in as XLSX or CSV, or takes away. Files are hostile until they are read."""
