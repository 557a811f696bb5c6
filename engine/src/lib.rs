//! A Helm release: pull, plan, apply, wait, hooks, storage.
