//! What several actions share.
