"""The one mechanism that lands files.

`lines` splits and repairs, `landing` writes, `memory` records how far each file was read.

The folders of sources find the files (`found.Scan`); `ingest.land.land` combines both.
"""
