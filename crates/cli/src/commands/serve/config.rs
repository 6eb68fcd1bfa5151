//! From what was said on the command line to what the server is told.

use std::net::SocketAddr;
use std::path::PathBuf;

use updraft_server::{Config, DepotAt, Limits, S3Options};

use super::mqtt;
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::{DEFAULT_LISTEN, ServeOptions, Span, variable};
use crate::size::Size;

/// The server's configuration. Secrets come from the environment only: arguments can be seen by others.
pub(super) fn config(options: &ServeOptions) -> Result<Config, Failure> {
    let Some(data) = options.data.clone() else {
        return Err(Failure::new(
            Exit::Usage,
            "no_data_folder",
            "the server has no folder to keep its data in",
        )
        .hint("name one, which is made if need be: updraft serve --data DIR"));
    };
    let mut config = Config::new(data);
    config.database.clone_from(&options.database);
    config.listen = options.listen.unwrap_or(SocketAddr::from(DEFAULT_LISTEN));
    config.admin_token = variable("UPDRAFT_ADMIN_TOKEN");
    config.enrolment_key = variable("UPDRAFT_ENROLMENT_KEY");
    // The name without a prefix is the one that the protocol's documentation gives.
    config.firmware_dir = options
        .firmware_dir
        .clone()
        .or_else(|| variable("FIRMWARE_DIR").map(PathBuf::from));
    config.metrics_open = options.metrics_open;
    config.relay_key = variable("UPDRAFT_RELAY_KEY");
    set(
        &mut config.relay_validity,
        options.relay_validity.map(|Span(time)| time),
    );
    set(&mut config.device_auth, options.device_auth);
    set(
        &mut config.default_device_type,
        options.default_device_type.clone(),
    );
    set(
        &mut config.min_firmware_size,
        options.min_firmware_size.map(|Size(bytes)| bytes),
    );
    config.artifacts = artifacts(options)?;
    set(
        &mut config.artifacts_poll,
        options.artifacts_poll.map(|Span(time)| time),
    );
    config.poll_interval = options.poll_interval.map(|Span(time)| time);
    config.mqtt = mqtt::mqtt(options)?;
    config.signed_urls = mqtt::signed_urls(options);
    limit(&mut config.limits, options);
    Ok(config)
}

/// The artifact store. Its credentials, too, come from the environment or a file only.
fn artifacts(options: &ServeOptions) -> Result<Option<DepotAt>, Failure> {
    let Some(place) = &options.artifacts else {
        return Ok(None);
    };
    let s3 = S3Options {
        endpoint: options.s3_endpoint.clone(),
        region: options.s3_region.clone(),
        virtual_hosts: options.s3_virtual_hosts.unwrap_or_default(),
        credentials_file: options.s3_credentials_file.clone(),
    };
    DepotAt::read(place, s3).map(Some).map_err(|error| {
        Failure::new(Exit::Usage, error.code(), error.to_string())
            .hint("write --artifacts s3://BUCKET/PREFIX or --artifacts FOLDER")
    })
}

fn limit(limits: &mut Limits, options: &ServeOptions) {
    let bytes = |size: Option<Size>| size.map(|Size(bytes)| u64::from(bytes));
    let length = |size: Option<Size>| size.map(|Size(bytes)| bytes as usize);
    let time = |span: Option<Span>| span.map(|Span(time)| time);
    set(&mut limits.max_connections, options.max_connections);
    set(
        &mut limits.header_read_timeout,
        time(options.header_read_timeout),
    );
    set(&mut limits.max_head, length(options.max_head));
    set(&mut limits.stall_window, time(options.stall_window));
    set(
        &mut limits.min_bytes_per_window,
        bytes(options.min_bytes_per_window),
    );
    set(&mut limits.body_timeout, time(options.body_timeout));
    set(&mut limits.max_upload, bytes(options.max_upload));
    set(&mut limits.upload_timeout, time(options.upload_timeout));
    set(&mut limits.max_uploads, options.max_uploads);
    set(&mut limits.max_text, length(options.max_text));
    set(&mut limits.max_body, length(options.max_body));
    set(&mut limits.download_cache, bytes(options.download_cache));
    set(&mut limits.max_devices, options.max_devices);
    set(&mut limits.write_behind, time(options.write_behind));
    set(&mut limits.max_auth_failures, options.max_auth_failures);
    set(&mut limits.shutdown_timeout, time(options.shutdown_timeout));
}

pub(super) fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
