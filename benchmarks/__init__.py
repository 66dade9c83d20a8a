"""The measured claims of the project, each against a peer, in one run."""
