//! What the records say about processes, lanes and objects: names, origins, ends, counts, and what is missing.

mod lane;
mod process;

use crate::record::Site;
use crate::record::readings::ObjEvent;

pub use lane::{LaneEnd, LaneFacts};
pub use process::{Died, ProcessEnd, ProcessFacts, StartedChild, UnaskedFuture, UnseenChild};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObjectFacts {
    pub kind: Option<String>,
    pub name: Option<String>,
    pub site: Option<Site>,
}

impl ObjectFacts {
    pub(in crate::causality) fn of(event: &ObjEvent) -> ObjectFacts {
        ObjectFacts {
            kind: event.kind.map(str::to_owned),
            name: event.name.map(str::to_owned),
            site: event.site.clone(),
        }
    }
}
