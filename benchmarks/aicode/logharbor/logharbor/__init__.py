"""logharbor: a small log collection, search and alerting service."""
