"""The checks that grade the course."""
