"""Lands the logs of coding agents as text, every line exactly once.

`discover` finds the files and what has grown, `transcripts` says which kinds of files there are, `lines`
reads and repairs lines, `landing` writes the warehouse. Start at `ingest.landing.land`.
"""
