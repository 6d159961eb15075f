"""Diagnostics as text: for people, for programs, and in the forms that CI servers read. Pure functions."""
