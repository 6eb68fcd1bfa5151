//! `updraft device enrol ID --type TYPE`.

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use updraft_protocol::{DeviceId, DeviceTypeName};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Makes a token for a device and prints it, this once. A token the device had before stops working.
#[derive(Debug, Args)]
pub(crate) struct Enrol {
    /// The device's id
    id: DeviceId,
    /// What it is
    #[arg(long = "type", value_name = "TYPE")]
    device_type: DeviceTypeName,
}

/// What the server is asked.
#[derive(Debug, Serialize)]
struct Request<'a> {
    device_type: &'a DeviceTypeName,
}

/// What it answers. There is no `Debug`: the token stays out of logs.
#[derive(Deserialize)]
struct Answer {
    token: String,
}

/// What is printed.
#[derive(Serialize)]
struct Enrolled<'a> {
    device_id: &'a DeviceId,
    device_type: &'a DeviceTypeName,
    token: String,
}

impl Enrol {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let path = ["api", "devices", self.id.as_str(), "token"];
        let request = Request {
            device_type: &self.device_type,
        };
        let client = context.client()?;
        let Answer { token } = client.send(Method::POST, &path, &request).await?;
        let enrolled = Enrolled {
            device_id: &self.id,
            device_type: &self.device_type,
            token,
        };
        context.output.data(&enrolled, |enrolled| {
            crate::text::clean(&enrolled.token) + "\n"
        })?;
        context.output.note(&format!(
            "this is {}'s token; it is not shown again",
            self.id
        ));
        Ok(Exit::Ok)
    }
}
