"""The same work done by others, one process each; every one prints `{"work": N, "seconds": S, "rss_mb": M}`."""
