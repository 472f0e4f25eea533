"""What leaves and what is kept, in words: the notice, and the catalogue of every field."""
