"""A copy of what the chain says, in SQL: disposable, rebuilt from the chain alone."""
