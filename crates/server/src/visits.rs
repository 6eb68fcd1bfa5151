//! What a device asks and says, whichever way it came: applied, written, answered.

use http::StatusCode;
use updraft_protocol::{DeviceId, DeviceTypeName, Report};

use crate::devices::{Kept, Reported, Visit, VisitError, WriteFailed};
use crate::error::{ApiError, ApiResult};
use crate::identity::Words;
use crate::load::{Load, UnderWay};
use crate::metrics::Plain;
use crate::published::Offering;
use crate::state::AppState;

/// How often what a device said is applied when other nodes hear of the same device meanwhile. It speaks to one at a
/// time, so once more is nearly always enough.
const TRIES: u32 = 5;

impl AppState {
    /// Lets a device's question in, or tells it when to come back.
    pub(crate) fn begin_check_in(&self, name: &str) -> ApiResult<UnderWay> {
        self.load().begin().ok_or_else(|| {
            self.metrics().add(Plain::TurnedAway, 1);
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_check_ins",
                format!(
                    "{} devices are being answered already",
                    self.limits().max_check_ins
                ),
            )
            .hint("Come back when Retry-After says.")
            .retry_after(Load::back_after(name))
        })
    }

    /// A device asks what there is for it. What this proves is on disk when it returns, and so is the fact
    /// that a release was offered.
    pub(crate) async fn visit(
        &self,
        id: &DeviceId,
        device_type: &DeviceTypeName,
        words: &Words,
    ) -> ApiResult<Visit> {
        self.metrics().add(Plain::CheckIns, 1);
        self.relay().map_or(Ok(()), |relay| relay.admits())?;
        let _under_way = self.begin_check_in(id.as_str())?;
        for _ in 0..TRIES {
            let visit = self.visit_once(id, device_type, words).await?;
            let is_urgent = visit.proved || (visit.is_capped && self.store().is_shared());
            if is_urgent && !self.write_news(id, visit.basis).await? {
                continue;
            }
            if visit.offer.is_some() {
                self.metrics().add(Plain::Offers, 1);
            }
            return Ok(visit);
        }
        Err(WriteFailed { disk_full: false }.into())
    }

    async fn visit_once(
        &self,
        id: &DeviceId,
        device_type: &DeviceTypeName,
        words: &Words,
    ) -> ApiResult<Visit> {
        let mut proved_before = false;
        let mut visit = loop {
            let visit = self
                .devices()
                .visit(&self.peek(), id, device_type, words, self.now());
            match visit {
                Ok(visit) => break visit,
                Err(VisitError::TooManyDevices) => return Err(self.too_many_devices()),
                Err(VisitError::FirstOffer { offering, proved }) => {
                    proved_before |= proved;
                    self.first_offer(&offering).await?;
                }
            }
        };
        visit.proved |= proved_before;
        Ok(visit)
    }

    /// Notes durably that a release is offered, before the first offer leaves. If it was deleted meanwhile,
    /// the snapshot is read again instead.
    pub(crate) async fn first_offer(&self, offering: &Offering) -> ApiResult<()> {
        if self.store().mark_offered(&offering.release.id).await? {
            offering.set_offered();
            // A snapshot that was being made meanwhile may not know.
            if let Some(current) = self.peek().offering(&offering.release.id) {
                current.set_offered();
            }
            Ok(())
        } else {
            self.refresh().await
        }
    }

    /// Returns once a device that had no outcome to tell is on disk.
    pub(crate) async fn write_device(&self, id: &DeviceId) -> ApiResult<()> {
        let written = self.writer().write(id, 0).await;
        written.map(|_| ()).map_err(ApiError::from)
    }

    /// A device says what came of an offer. It is on disk when this returns.
    pub(crate) async fn report(&self, id: &DeviceId, report: &Report) -> ApiResult<Reported> {
        self.relay().map_or(Ok(()), |relay| relay.admits())?;
        for _ in 0..TRIES {
            let reported = self
                .devices()
                .report(&self.published(), id, report, self.now())
                .map_err(|_| self.too_many_devices())?;
            if self.write_news(id, reported.basis).await? {
                return Ok(reported);
            }
        }
        Err(WriteFailed { disk_full: false }.into())
    }

    /// Returns once the device's news, which rests on `basis`, is on disk; or says no if another node was faster:
    /// then what the device said is to be applied anew.
    pub(crate) async fn write_news(&self, id: &DeviceId, basis: u64) -> ApiResult<bool> {
        let kept = self
            .writer()
            .write(id, basis)
            .await
            .map_err(ApiError::from)?;
        Ok(kept == Kept::Whole)
    }

    pub(crate) fn too_many_devices(&self) -> ApiError {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_devices",
            format!(
                "{} devices are known already, and no more are allowed",
                self.limits().max_devices
            ),
        )
        .hint("Raise the server's limit of devices.")
        .retry_after(300)
    }
}
