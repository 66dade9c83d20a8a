"""Responses of the Messages API in files: which files hold some, and where the responses are.

`kinds` classifies a file by its beginning, `discover` finds them, `documents` cuts files without lines into
responses, `event_streams` reads streams.
"""
