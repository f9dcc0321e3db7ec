"""Images, their references and the catalogue they are pulled from."""
