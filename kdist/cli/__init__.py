"""The `kdist` command. Importing it imports no framework."""

from kdist.cli.app import app, main

__all__ = ["app", "main"]
