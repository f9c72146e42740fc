//! Points in time. The server and the first draw of the browser write UTC in a form of their own, so both write the same
//! bytes; an effect then says it in the reader's zone and manner.

use super::effect;
use crate::wire::id::Millis;
use leptos::{
    prelude::*,
    web_sys::{
        js_sys::{Date, Object, Reflect},
        wasm_bindgen::JsValue,
    },
};

/// How much of a point in time to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeStyle {
    /// Hours and minutes.
    #[default]
    Clock,
    /// The day.
    Day,
    /// Both.
    Full,
}

impl TimeStyle {
    /// The options of `Intl.DateTimeFormat`.
    fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Clock => &[("timeStyle", "short")],
            Self::Day => &[("dateStyle", "full")],
            Self::Full => &[("dateStyle", "medium"), ("timeStyle", "short")],
        }
    }
}

/// A `<time>`.
#[component]
pub fn Time(
    /// When.
    at: Millis,
    /// How much of it to say.
    #[prop(optional)]
    style: TimeStyle,
) -> impl IntoView {
    let text = RwSignal::new(utc(at, style));
    effect(move || text.set(local(at, style)));
    view! { <time datetime=iso(at)>{move || text.get()}</time> }
}

/// The day of `at` in days since 1970-01-01: in UTC, or in the reader's zone (only once the page is awake).
pub fn day_of(at: Millis, local: bool) -> i64 {
    let offset = if local { zone_offset_ms(at) } else { 0 };
    (at.0 + offset).div_euclid(86_400_000)
}

/// What to add to UTC for the reader's zone at that time.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a date of this era fits an f64 exactly"
)]
fn zone_offset_ms(at: Millis) -> i64 {
    let date = Date::new(&JsValue::from_f64(at.0 as f64));
    date.get_timezone_offset() as i64 * -60_000
}

/// RFC 3339 in UTC, to the second.
pub fn iso(at: Millis) -> String {
    let (year, month, day) = civil(day_of(at, false));
    let second = at.0.div_euclid(1000).rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

fn utc(at: Millis, style: TimeStyle) -> String {
    let iso = iso(at);
    match style {
        TimeStyle::Clock => format!("{} UTC", &iso[iso.len() - 9..iso.len() - 4]),
        TimeStyle::Day => iso[..iso.len() - 10].to_owned(),
        TimeStyle::Full => format!("{} {} UTC", &iso[..iso.len() - 10], &iso[iso.len() - 9..iso.len() - 4]),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a date of this era fits an f64 exactly")]
fn local(at: Millis, style: TimeStyle) -> String {
    let options = Object::new();
    for (key, value) in style.options() {
        _ = Reflect::set(&options, &JsValue::from_str(key), &JsValue::from_str(value));
    }
    let date = Date::new(&JsValue::from_f64(at.0 as f64));
    match style {
        TimeStyle::Clock => date.to_locale_time_string_with_options("default", &options).into(),
        TimeStyle::Day => date.to_locale_date_string("default", &options).into(),
        TimeStyle::Full => date.to_locale_string("default", &options).into(),
    }
}

/// Year, month and day of a day since 1970-01-01 (Hinnant, «chrono-compatible low-level date algorithms»).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_399_509_999, "2026-11-23T02:05:09Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59Z"),
        ];
        for (at, want) in cases {
            assert_eq!(iso(Millis(at)), want);
        }
    }

    #[test]
    fn the_server_says_utc() {
        let at = Millis(1_795_399_509_999);
        assert_eq!(utc(at, TimeStyle::Clock), "02:05 UTC");
        assert_eq!(utc(at, TimeStyle::Day), "2026-11-23");
        assert_eq!(utc(at, TimeStyle::Full), "2026-11-23 02:05 UTC");
        assert_eq!(day_of(at, false), 20_780);
    }
}
