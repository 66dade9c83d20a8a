"""Transcripts: `discover` finds the files and what has grown, `lines` splits and repairs, `landing` writes them.

Start at `ingest.transcripts.landing.land`.
"""
