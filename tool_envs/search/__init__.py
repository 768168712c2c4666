"""Search over documents: an index of ours, or a server."""
