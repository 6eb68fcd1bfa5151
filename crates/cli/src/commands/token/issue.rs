//! `updraft token issue NAME --role ROLE`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use reqwest::Method;
use updraft_protocol::api::{NewToken, Role, TokenIssued};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::clean;

/// Issues a token. Its secret is printed on stdout and not shown again.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// Who or what it is for, such as ci or alice
    name: String,
    /// What its holder may do; from viewer on, each role includes those before it
    #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.iter().map(|role| role.as_str())).try_map(|word| word.parse::<Role>()))]
    role: Role,
}

impl Issue {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let request = NewToken {
            name: self.name.clone(),
            role: self.role,
        };
        let client = context.client()?;
        let issued: TokenIssued = client
            .send(Method::POST, &["api", "tokens"], &request)
            .await?;
        context
            .output
            .data(&issued, |issued| clean(&issued.secret) + "\n")?;
        let id = &issued.token.id;
        context.output.note(&format!(
            "token {id} for {}, {}; keep it now, it is not shown again",
            self.name, self.role
        ));
        Ok(Exit::Ok)
    }
}
