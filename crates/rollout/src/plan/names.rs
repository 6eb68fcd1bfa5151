use super::PlanError;

/// A sorted list of names to find one in; empty means that any will do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(Box<[Box<str>]>);

impl Names {
    pub(crate) fn new(
        what: &'static str,
        names: &[String],
        limit: usize,
    ) -> Result<Self, PlanError> {
        if names.len() > limit {
            return Err(PlanError::ListTooLong {
                what,
                found: names.len(),
                limit,
            });
        }
        if names.iter().any(String::is_empty) {
            return Err(PlanError::EmptyName { what });
        }
        let mut sorted: Vec<Box<str>> = names.iter().map(|name| name.as_str().into()).collect();
        sorted.sort_unstable();
        sorted.dedup();
        Ok(Self(sorted.into()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0
            .binary_search_by(|known| known.as_ref().cmp(name))
            .is_ok()
    }

    /// Whether the condition holds for a device that has this name, or none.
    pub(crate) fn admits(&self, name: Option<&str>) -> bool {
        self.is_empty() || name.is_some_and(|name| self.has(name))
    }

    /// The first of the names that is not among `tags`.
    pub(crate) fn first_missing(&self, tags: &[String]) -> Option<&str> {
        self.0
            .iter()
            .map(AsRef::as_ref)
            .find(|wanted| !tags.iter().any(|tag| tag == wanted))
    }
}
