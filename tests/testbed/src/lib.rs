//! Builds and runs the real servers that tests and the demo talk to.
