"""From a finding to a patch that is verified."""
