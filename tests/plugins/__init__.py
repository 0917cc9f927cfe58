"""Plugins as their authors ship them: distributions with entry points."""
