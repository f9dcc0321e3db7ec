"""The servers of the course's images. They really serve, through the container's network."""
