"""Description of exported and stored data: the notice, and the catalogue of every field."""
