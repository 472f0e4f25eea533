"""Budget accounts, in a file shared by the processes of a host or in PostgreSQL."""
