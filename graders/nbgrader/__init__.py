"""Where the course meets nbgrader: preprocessors for its converters, lessons run as a whole."""
