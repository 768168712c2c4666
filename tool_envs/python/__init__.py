"""Python that the policy writes, in a sandbox of ours or a SandboxFusion server."""
