//! [`Rate`]: «30/1m» as an operator writes it, and the rates of everything that is limited.

use std::{fmt, str::FromStr, time::Duration};

/// So many times within so much time; a burst of all of them at once is allowed. 0 times: not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many times.
    pub times: u32,
    /// Within what time.
    pub per: Duration,
}

impl Rate {
    /// No limit.
    pub const OFF: Self = Self { times: 0, per: Duration::ZERO };

    /// `times` within `per`.
    pub const fn new(times: u32, per: Duration) -> Self {
        Self { times, per }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("«{text}» is not a rate: write «30/1m» (30 times in 1 minute; units s, m, h) or «off»");
        if text == "off" {
            return Ok(Self::OFF);
        }
        let (times, per) = text.split_once('/').ok_or_else(wrong)?;
        let times: u32 = times.trim().parse().map_err(|_| wrong())?;
        let per = per.trim();
        let unit = per.chars().last().ok_or_else(wrong)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let count: u32 = match per.trim_end_matches(unit) {
            "" => 1,
            count => count.parse().map_err(|_| wrong())?,
        };
        if times == 0 || count == 0 {
            return Err(wrong());
        }
        Ok(Self::new(times, Duration::from_secs(u64::from(count) * seconds)))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.times == 0 { f.write_str("off") } else { write!(f, "{}/{}s", self.times, self.per.as_secs()) }
    }
}

/// The rates of everything that is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Sign-ins to one account.
    pub sign_in_account: Rate,
    /// Sign-ins from one address.
    pub sign_in_address: Rate,
    /// Sign-ups from one address.
    pub sign_up: Rate,
    /// Messages, edits and new replies of one person.
    pub send: Rate,
    /// New conversations of one person.
    pub create: Rate,
    /// Searches of one person.
    pub search: Rate,
    /// Calls of tools by one person's programs, and what their apps ask of servers.
    pub call: Rate,
    /// What one person's apps tell the model.
    pub tell: Rate,
    /// Sessions that one person's programs begin.
    pub mcp_session: Rate,
    /// Registrations of programs from one address.
    pub register: Rate,
    /// Metadata documents of programs fetched for one person.
    pub client_document: Rate,
    /// Frames of one socket.
    pub frames: Rate,
    /// Requests from one address, static files not counted.
    pub request: Rate,
}

impl Rates {
    /// Nothing is limited: for benchmarks and for tests that are not about limits.
    pub const OFF: Self = Self {
        sign_in_account: Rate::OFF,
        sign_in_address: Rate::OFF,
        sign_up: Rate::OFF,
        send: Rate::OFF,
        create: Rate::OFF,
        search: Rate::OFF,
        call: Rate::OFF,
        tell: Rate::OFF,
        mcp_session: Rate::OFF,
        register: Rate::OFF,
        client_document: Rate::OFF,
        frames: Rate::OFF,
        request: Rate::OFF,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_written() {
        let read = |text: &str| text.parse::<Rate>();
        assert_eq!(read("30/1m"), Ok(Rate::new(30, Duration::from_mins(1))));
        assert_eq!(read("5/h"), Ok(Rate::new(5, Duration::from_hours(1))));
        assert_eq!(read("off"), Ok(Rate::OFF));
        for bad in ["", "30", "30/", "/m", "0/m", "3/0s", "3/5d", "-1/s", "3/ms", "30/1é"] {
            assert!(read(bad).is_err_and(|why| why.contains("30/1m")), "{bad}");
        }
    }
}
