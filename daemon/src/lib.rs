//! What Sotto's servers share: configuration, TLS, drain, reload, admin listener, logs.
