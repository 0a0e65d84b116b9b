//! When the relay does what it does of itself. Nothing here knows of clients, so none can be seen in it.

use std::time::Duration;

use rustls::crypto::SecureRandom;

/// `wait`, give or take a tenth, so that relays do not come to a gateway together.
pub(crate) fn about(wait: Duration) -> Duration {
    jittered(wait, octet(sotto_daemon::tls::provider().secure_random))
}

fn jittered(wait: Duration, jitter: u8) -> Duration {
    wait.mul_f64(0.9 + 0.2 * f64::from(jitter) / 255.0)
}

/// One random octet; the middle if the system has none, since nothing secret hangs on it.
fn octet(random: &dyn SecureRandom) -> u8 {
    let mut octet = [127];
    let _ = random.fill(&mut octet);
    octet[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_is_off_by_more_than_a_tenth() {
        let regular = Duration::from_secs(900);
        for jitter in [0, 1, 127, 255] {
            let wait = jittered(regular, jitter).as_secs_f64();
            assert!((810.0..=990.01).contains(&wait), "{wait}");
        }
    }
}
