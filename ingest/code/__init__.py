"""Code: git repositories and what agents read from them, as chunks and symbols. Start at
`ingest.code.scan.scan_code`.

Nothing is imported here: a caller that needs only vectors must not wait for the scan's imports.
"""
