"""What others would write for the same work: plain scripts that know nothing of this project."""
