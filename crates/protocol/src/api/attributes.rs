//! Where a device is and what it belongs to: what rollouts are aimed by.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::device::DeviceChange;

/// Longest region, site, group or tag, in bytes: a building's full name fits.
pub const MAX_LABEL: usize = 64;

/// Most tags of a device. More would make a check-in longer than a device's buffer.
pub const MAX_TAGS: usize = 16;

/// The offsets from UTC there are, in minutes: from Baker Island (-12 h) to the Line Islands (+14 h).
pub const UTC_OFFSETS: core::ops::RangeInclusive<i16> = -720..=840;

/// Where a device is and what it belongs to. Absent means unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attributes {
    /// The region, such as `eu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The site, such as a building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The group, such as `canary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Any other words, sorted, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What the device's own time is ahead of UTC, in minutes, for its maintenance window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset_minutes: Option<i16>,
}

/// What an operator set of a device, which wins over what the device says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetAttributes {
    /// The region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Minutes ahead of UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset_minutes: Option<i16>,
    /// Tags given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Tags taken away, although the device says them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_tags: Vec<String>,
}

/// The attributes cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttributesError {
    /// A region, site, group or tag that is empty, too long, or holds what would make it ambiguous.
    Label {
        /// Which of them.
        what: &'static str,
        /// Its beginning.
        found: String,
    },
    /// More tags than are kept.
    TooManyTags {
        /// How many.
        found: usize,
    },
    /// No place on Earth has this offset.
    UtcOffset {
        /// The minutes given.
        found: i16,
    },
}

impl AttributesError {
    /// A stable code for what is wrong.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Label { .. } => "bad_label",
            Self::TooManyTags { .. } => "too_many_tags",
            Self::UtcOffset { .. } => "bad_utc_offset",
        }
    }
}

impl fmt::Display for AttributesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label { what, found } => write!(
                f,
                "{found:?} is not a {what}: use 1 to {MAX_LABEL} bytes without commas, '=' or control characters, \
                 and no space at either end"
            ),
            Self::TooManyTags { found } => {
                write!(f, "{found} tags are more than the {MAX_TAGS} that are kept")
            }
            Self::UtcOffset { found } => write!(
                f,
                "{found} minutes is no time zone's offset: give {} to {}",
                UTC_OFFSETS.start(),
                UTC_OFFSETS.end()
            ),
        }
    }
}

impl core::error::Error for AttributesError {}

/// Checks a region, site, group or tag. Tags are listed with commas, and filters are written `name=value`.
pub fn check_label(what: &'static str, text: &str) -> Result<(), AttributesError> {
    let banned = |c: char| c.is_control() || c == ',' || c == '=';
    let fine = !text.is_empty()
        && text.len() <= MAX_LABEL
        && text.trim() == text
        && !text.contains(banned);
    if fine {
        return Ok(());
    }
    Err(AttributesError::Label {
        what,
        found: text.chars().take(MAX_LABEL).collect(),
    })
}

fn check_tags(tags: &[String]) -> Result<(), AttributesError> {
    if tags.len() > MAX_TAGS {
        return Err(AttributesError::TooManyTags { found: tags.len() });
    }
    tags.iter().try_for_each(|tag| check_label("tag", tag))
}

fn check_places(
    places: [(&'static str, &Option<String>); 3],
    utc_offset_minutes: Option<i16>,
) -> Result<(), AttributesError> {
    for (what, label) in places {
        if let Some(label) = label {
            check_label(what, label)?;
        }
    }
    match utc_offset_minutes {
        Some(found) if !UTC_OFFSETS.contains(&found) => Err(AttributesError::UtcOffset { found }),
        _ => Ok(()),
    }
}

impl Attributes {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what a device says of itself, and puts its tags in order.
    pub fn checked(mut self) -> Result<Self, AttributesError> {
        let places = [
            ("region", &self.region),
            ("site", &self.site),
            ("group", &self.group),
        ];
        check_places(places, self.utc_offset_minutes)?;
        check_tags(&self.tags)?;
        self.tags.sort_unstable();
        self.tags.dedup();
        Ok(self)
    }
}

impl SetAttributes {
    /// Whether an operator has said nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What holds for the device: what was set, and what the device said where nothing was.
    pub fn over(&self, said: &Attributes) -> Attributes {
        let pick =
            |set: &Option<String>, said: &Option<String>| set.as_ref().or(said.as_ref()).cloned();
        let mut tags: Vec<String> = said
            .tags
            .iter()
            .filter(|tag| !self.without_tags.contains(tag))
            .chain(&self.tags)
            .cloned()
            .collect();
        tags.sort_unstable();
        tags.dedup();
        Attributes {
            region: pick(&self.region, &said.region),
            site: pick(&self.site, &said.site),
            group: pick(&self.group, &said.group),
            tags,
            utc_offset_minutes: self.utc_offset_minutes.or(said.utc_offset_minutes),
        }
    }

    /// These attributes after an operator's change, checked.
    pub fn changed(&self, change: &DeviceChange) -> Result<Self, AttributesError> {
        use super::device::DeviceField::{Group, Region, Site, UtcOffset};
        let places = [
            ("region", &change.region),
            ("site", &change.site),
            ("group", &change.group),
        ];
        check_places(places, change.utc_offset_minutes)?;
        check_tags(&change.add_tags)?;
        check_tags(&change.remove_tags)?;
        let place = |field, wanted: &Option<String>, was: &Option<String>| {
            let kept = was.as_ref().filter(|_| !change.clear.contains(&field));
            wanted.as_ref().or(kept).cloned()
        };
        let kept = self
            .utc_offset_minutes
            .filter(|_| !change.clear.contains(&UtcOffset));
        let tags = merged(&self.tags, &change.add_tags, &change.remove_tags);
        let without_tags = merged(&self.without_tags, &change.remove_tags, &change.add_tags);
        check_tags(&tags)?;
        check_tags(&without_tags)?;
        Ok(Self {
            region: place(Region, &change.region, &self.region),
            site: place(Site, &change.site, &self.site),
            group: place(Group, &change.group, &self.group),
            utc_offset_minutes: change.utc_offset_minutes.or(kept),
            tags,
            without_tags,
        })
    }
}

/// `tags` with those of `more` and without those of `less`.
fn merged(tags: &[String], more: &[String], less: &[String]) -> Vec<String> {
    let mut tags: Vec<String> = tags
        .iter()
        .filter(|tag| !less.contains(tag))
        .chain(more)
        .cloned()
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}
