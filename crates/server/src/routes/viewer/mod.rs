//! Routes that look and change nothing.

mod channel_list;
mod device_list;
mod device_show;
mod device_why;
mod event_list;
mod event_stream;
mod fleet;
mod rehearse;
mod release_list;
mod release_show;
mod rollout_devices;
mod rollout_list;
mod rollout_preview;
mod rollout_show;
mod type_list;
mod type_show;

pub(super) use device_show::unknown as unknown_device;
pub(super) use device_why::why_of;
pub(super) use rollout_show::unknown as unknown_rollout;
use updraft_protocol::api::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Access, guard};
use crate::state::AppState;

pub(super) fn routes(state: &AppState) -> OpenApiRouter<AppState> {
    let viewer = |routes| guard(state, Access::Role(Role::Viewer), routes);
    OpenApiRouter::new()
        .routes(viewer(routes!(release_list::list_releases)))
        .routes(viewer(routes!(release_list::list_firmwares)))
        .routes(viewer(routes!(release_show::show_release)))
        .routes(viewer(routes!(release_show::show_firmware)))
        .routes(viewer(routes!(channel_list::list_channels)))
        .routes(viewer(routes!(type_list::list_types)))
        .routes(viewer(routes!(type_show::show_type)))
        .routes(viewer(routes!(device_list::list_devices)))
        .routes(viewer(routes!(device_show::show_device)))
        .routes(viewer(routes!(device_why::why_device)))
        .routes(viewer(routes!(rollout_list::list_rollouts)))
        .routes(viewer(routes!(rollout_show::show_rollout)))
        .routes(viewer(routes!(rollout_preview::preview_rollout)))
        .routes(viewer(routes!(rehearse::rehearse)))
        .routes(viewer(routes!(rollout_devices::list_rollout_devices)))
        .routes(viewer(routes!(event_stream::stream_events)))
        .routes(viewer(routes!(event_list::list_events)))
        .routes(viewer(routes!(fleet::show_fleet)))
}
