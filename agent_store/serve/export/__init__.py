"""Exports of published tables and views: the selection, the files, and their manifest."""
