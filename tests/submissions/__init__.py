"""Work that students hand in, right and wrong, and the points it deserves."""
