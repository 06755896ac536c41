# ruff: noqa: INP001 -- a program by itself
"""The least that a web service can do: FastAPI reads one row of a SQLite file by its key, and gives it as JSON.

Run by `yuanliu bench field` in an environment of its own: `python rows.py DATABASE PORT GTIN`.
"""

import sqlite3
import sys

import uvicorn
from fastapi import FastAPI, HTTPException

app = FastAPI()
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, check_same_thread=False)


@app.get("/rows/{lot}")
async def row(lot: str) -> dict[str, int | str]:
    """Give a batch's row by its lot number."""
    query = "SELECT gtin, lot, units, time FROM batch WHERE lot = ? AND gtin = ?"
    found = database.execute(query, (lot, int(sys.argv[3]))).fetchone()
    if found is None:
        raise HTTPException(404)
    gtin, number, units, time = found
    return {"gtin": gtin, "lot": number, "units": units, "time": time}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
