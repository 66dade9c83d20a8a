"""Responses of the Messages API that lie in files: which files hold some, and what is a response in them.

`kinds` tells what a file is by its beginning, `discover` finds them, `documents` cuts what is no file of lines into
responses, `event_streams` reads streams.
"""
