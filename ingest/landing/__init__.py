"""The one mechanism that lands files.

`lines` splits and repairs, `landing` writes, `memory` knows how far each file was read.

The folders of sources say which files there are (`found.Scan`); `ingest.land.land` puts both together.
"""
