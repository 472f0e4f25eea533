"""What programs measure of themselves by our API: operations, metrics, nodes of graphs."""
