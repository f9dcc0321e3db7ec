"""The JSON of answers: key names, and where dockerd shows ``null``, ``[]`` or ``{}``."""
