"""Exports of published tables and views: what is selected, how it is written, and the manifest that goes with it."""
