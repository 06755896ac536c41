"""Runs the service: in this process, or detached from the terminal."""
