//! Webhooks: events posted to where operators want them, signed by the Standard Webhooks convention, in order, again and
//! again until they are taken or given up.
//!
//! Where a hook stands is in its row. A node that wants to deliver takes a lease of the row; whoever dies is followed by
//! another node when the lease ends. Of an event that was posted by a node that died before it noted so, the receiver hears
//! twice, with the same `webhook-id`.

mod address;
mod courier;
mod post;
mod schedule;
mod sign;

pub(crate) use address::check as check_url;
pub(crate) use courier::deliver;
pub(crate) use post::{Parcel, Poster};
pub(crate) use sign::Signer;
