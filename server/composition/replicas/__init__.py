"""What several processes on one store have to have in common, and how each proves at its start that it has."""
