"""A sweep into a file: run, stopped, gone on with."""
