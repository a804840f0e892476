"""A finished run's network as files for other runtimes, one file a format, and the check of what was written."""
