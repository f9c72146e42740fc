//! How long ago something last happened in a conversation, in days: what the list is divided by.
//!
//! Invariant: the server and the first draw of the browser reckon alike, in days of UTC from the time the list was read
//! at; once awake, the reader's own clock and zone decide (see [`time`](crate::ui::kit::time)).

use crate::{
    ui::{chat::browser, kit::time::day_of},
    wire::{conversation::ConversationSummary, id::Millis},
};

/// What day it is, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Today {
    /// Days since 1970-01-01.
    day: i64,
    /// In the reader's zone, not in UTC.
    local: bool,
}

impl Today {
    /// The day of `now` in UTC.
    pub fn in_utc(now: Millis) -> Self {
        Self { day: day_of(now, false), local: false }
    }

    /// The reader's day; only once the page is awake.
    pub fn here() -> Self {
        Self { day: day_of(browser::now(), true), local: true }
    }
}

/// A group of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Kept at the top, however old.
    Pinned,
    /// Of today, or by another clock of tomorrow.
    Today,
    /// Of the day before.
    Yesterday,
    /// Of the six days before that.
    Week,
    /// Of the weeks before that.
    Month,
    /// Older than 30 days.
    Older,
}

impl Age {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 6] = [Self::Pinned, Self::Today, Self::Yesterday, Self::Week, Self::Month, Self::Older];

    /// The group of a row.
    pub fn of(row: &ConversationSummary, today: Today) -> Self {
        if row.pinned {
            return Self::Pinned;
        }
        match today.day - day_of(row.updated_at, today.local) {
            ..=0 => Self::Today,
            1 => Self::Yesterday,
            2..=7 => Self::Week,
            8..=30 => Self::Month,
            _ => Self::Older,
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pinned => "Pinned",
            Self::Today => "Today",
            Self::Yesterday => "Yesterday",
            Self::Week => "Previous 7 days",
            Self::Month => "Previous 30 days",
            Self::Older => "Older",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::id::ConversationId;
    use uuid::Uuid;

    const DAY: i64 = 86_400_000;
    /// The first moment of a day.
    const MIDNIGHT: i64 = 20_000 * DAY;

    fn row(pinned: bool, updated_at: i64) -> ConversationSummary {
        let (id, title) = (ConversationId(Uuid::nil()), String::new());
        ConversationSummary { id, title, pinned, owned: true, members: 1, updated_at: Millis(updated_at) }
    }

    #[test]
    fn days_count_not_hours() {
        let cases = [
            (MIDNIGHT + 3 * DAY, Age::Today),
            (MIDNIGHT, Age::Today),
            (MIDNIGHT - 1, Age::Yesterday),
            (MIDNIGHT - DAY, Age::Yesterday),
            (MIDNIGHT - DAY - 1, Age::Week),
            (MIDNIGHT - 7 * DAY, Age::Week),
            (MIDNIGHT - 7 * DAY - 1, Age::Month),
            (MIDNIGHT - 30 * DAY, Age::Month),
            (MIDNIGHT - 30 * DAY - 1, Age::Older),
            (0, Age::Older),
        ];
        for now in [MIDNIGHT, MIDNIGHT + DAY - 1] {
            for (updated_at, age) in cases {
                assert_eq!(Age::of(&row(false, updated_at), Today::in_utc(Millis(now))), age, "{updated_at}");
            }
        }
        assert_eq!(Age::of(&row(true, 0), Today::in_utc(Millis(MIDNIGHT))), Age::Pinned);
    }

    #[test]
    fn rows_in_the_store_s_order_are_in_the_order_of_the_groups() {
        let today = Today::in_utc(Millis(MIDNIGHT));
        let rows = [row(true, MIDNIGHT - 90 * DAY)].into_iter().chain((0..90).map(|n| row(false, MIDNIGHT - n * DAY)));
        let places: Vec<_> = rows.map(|row| Age::ALL.iter().position(|age| *age == Age::of(&row, today))).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(places.last(), Some(&Some(5)));
    }
}
