"""The cooperative's pages, and those of laboratories, carriers and stores who sign in beside it."""
