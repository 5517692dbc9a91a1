"""RUN bodies as shell: commands with their words, where each stands, and what guards it."""
