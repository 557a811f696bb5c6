//! Whose rights a request is done with.
//!
//! Owns the decision whether a user may be acted for. Who the user is says the
//! subject, and NATS says who may publish on it; what the user may do says the
//! API server. Without a user it is the agent's own service account.

use super::{Agent, api::Api};
use crate::protocol::{Code, Error, user::User};

impl Agent {
    /// The API server, with the rights of `user`.
    ///
    /// # Errors
    /// [`Code::Forbidden`] when the agent may not act for that user.
    pub(super) fn acting(&self, user: Option<&User>) -> Result<Api, Error> {
        let Some(user) = user else { return Ok(self.api.clone()) };
        if !self.settings.impersonation_enabled {
            return Err(forbidden("this agent acts in the name of nobody (impersonation.enabled)".to_owned()));
        }
        let users = &self.settings.impersonation_users;
        if !users.is_empty() && !users.iter().any(|name| name == user.as_str()) {
            return Err(forbidden(format!("this agent does not act in the name of {user} (impersonation.users)")));
        }
        self.api.acting_as(user)
    }
}

fn forbidden(message: String) -> Error {
    Error::new(Code::Forbidden, message)
}
