"""The screens of our own flow: what they say, how they are shown, and what their forms post."""
