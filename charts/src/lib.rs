//! A Helm chart in memory: loading, values, dependencies, rendering.
