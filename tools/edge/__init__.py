"""The edge that all tools share: arguments, answers, errors, audit, progress and questions."""
