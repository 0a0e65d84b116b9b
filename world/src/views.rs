//! What each party of the world saw.

use std::sync::{Arc, Mutex, PoisonError};

use sotto_gateway::GatewayView;
use sotto_relay::RelayView;

pub use crate::dns::server::ResolverView;

/// What the parties saw since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// Each relay's views, in the order of the relays.
    pub relays: Vec<Vec<RelayView>>,
    /// The gateway's.
    pub gateway: Vec<GatewayView>,
    /// The resolver's.
    pub resolver: Vec<ResolverView>,
}

/// A notebook that an observed party writes and the world reads.
#[derive(Debug)]
pub(crate) struct Notebook<T>(Mutex<Vec<T>>);

impl<T> Notebook<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Vec::new())))
    }

    pub(crate) fn write(&self, view: T) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(view);
    }

    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl sotto_relay::Observe for Notebook<RelayView> {
    fn forwarded(&self, view: &RelayView) {
        self.write(view.clone());
    }
}

impl sotto_gateway::Observe for Notebook<GatewayView> {
    fn answered(&self, view: &GatewayView) {
        self.write(view.clone());
    }
}
