"""Published collections of posts, one file each."""
