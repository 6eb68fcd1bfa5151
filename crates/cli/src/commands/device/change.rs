//! What the commands that change a device share: sending the change and showing what came of it.

use reqwest::Method;
use updraft_protocol::DeviceId;
use updraft_protocol::api::{Device, DeviceChange};

use super::show::lines;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Sends the change and shows the device as it is then.
pub(super) async fn apply(
    context: &Context,
    id: &DeviceId,
    change: &DeviceChange,
) -> Result<Exit, Failure> {
    let path = ["api", "devices", id.as_str()];
    let device: Device = context.client()?.send(Method::PATCH, &path, change).await?;
    context.output.data(&device, lines)?;
    Ok(Exit::Ok)
}

/// The command line asks for no change.
pub(super) fn nothing_given(hint: &str) -> Failure {
    Failure::new(Exit::Usage, "nothing_given", "there is nothing to change").hint(hint)
}
