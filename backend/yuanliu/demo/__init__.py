"""The main job told from one command: `story` does it, `report` shows it."""
