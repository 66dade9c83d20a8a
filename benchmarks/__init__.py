"""The measured claims of the project, each compared with an alternative in the same run."""
