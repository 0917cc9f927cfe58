"""Other task queues on the same server: each is installed apart, and only where its bench is named."""
