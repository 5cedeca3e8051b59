"""Views of the commands: values of the domain as JSON documents, tables and sentences."""
