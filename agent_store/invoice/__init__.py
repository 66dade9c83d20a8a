"""What the provider says was used and what it cost: its reports, read from a file or from its Admin API, and recorded."""
