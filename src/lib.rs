//! The product: the `ankra-helm` command and the `ankra-agent` daemon.
