"""What runs inside a container: processes, shell, programs."""
