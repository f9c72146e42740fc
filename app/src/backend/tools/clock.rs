//! `current_time`: what time it is, in any zone. The time comes from the context's clock, the zones from the binary.

use super::{Plain, Tool, ToolCx, read, spec};
use crate::wire::tool::{Annotations, ToolOutcome};
use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The toolset.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    let zone = json!({
        "type": "string", "maxLength": 64, "examples": ["Europe/Berlin", "UTC", "+05:30"],
        "description": "An IANA time zone name such as «Europe/Berlin», or an offset from UTC such as «+05:30». \
                        UTC if left out.",
    });
    let output = json!({
        "iso": { "type": "string", "description": "Date, time and offset (RFC 3339)." },
        "unix_ms": { "type": "integer", "description": "Milliseconds since the Unix epoch." },
        "time_zone": { "type": "string", "description": "The zone it is told in." },
        "weekday": { "type": "string", "description": "The day of the week, in English." },
    });
    vec![Plain::tool(
        spec(
            ("current_time", "Current time"),
            "Tells the current date, weekday and time in a time zone. Use it whenever an answer depends on today's \
             date or on the time somewhere; a model does not know it by itself.",
            (json!({ "time_zone": zone }), &[]),
            (output, &["iso", "unix_ms", "time_zone", "weekday"]),
            // Not idempotent in its answer, but calling it again changes nothing, which is what the hint is about.
            Annotations::READ_ONLY,
        ),
        answer,
    )]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    time_zone: Option<String>,
}

fn answer(cx: &ToolCx, arguments: Value) -> Result<ToolOutcome, ToolOutcome> {
    let Arguments { time_zone } = read(arguments)?;
    let asked = time_zone.as_deref().map(str::trim).filter(|name| !name.is_empty()).unwrap_or("UTC");
    let (zone, name) = zone(asked).ok_or_else(|| {
        ToolOutcome::error(format!(
            "There is no time zone «{asked}». Give an IANA name such as «Europe/Berlin», or an offset such as «+05:30»."
        ))
    })?;
    let now = cx.clock.now();
    let instant = Timestamp::from_millisecond(now.0)
        .map_err(|_| ToolOutcome::error("The server's clock is outside of the years that calendars cover."))?;
    let here = instant.to_zoned(zone);
    let weekday = here.strftime("%A").to_string();
    Ok(ToolOutcome::ok(
        format!("It is {} in {name} (UTC{}).", here.strftime("%A, %-d %B %Y, %H:%M:%S"), here.strftime("%:z")),
        json!({
            "iso": here.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            "unix_ms": now.0, "time_zone": name, "weekday": weekday,
        }),
    ))
}

/// The zone of an IANA name or offset, and its proper name.
fn zone(asked: &str) -> Option<(TimeZone, String)> {
    if asked.eq_ignore_ascii_case("utc") || asked.eq_ignore_ascii_case("z") || asked.eq_ignore_ascii_case("gmt") {
        return Some((TimeZone::UTC, "UTC".to_owned()));
    }
    let bare = asked.get(..3).filter(|head| head.eq_ignore_ascii_case("utc")).map_or(asked, |_| &asked[3..]);
    if let Some(minutes) = offset_minutes(bare) {
        let zone = TimeZone::fixed(Offset::from_seconds(minutes * 60).ok()?);
        let sign = if minutes < 0 { '-' } else { '+' };
        return Some((zone, format!("UTC{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)));
    }
    let zone = TimeZone::get(asked).ok()?;
    let name = zone.iana_name()?.to_owned();
    Some((zone, name))
}

/// Minutes east of UTC of `±h`, `±hh`, `±hhmm` or `±hh:mm`, up to 14 hours either way (the widest in use).
fn offset_minutes(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some((hours, minutes)), _) if minutes.len() == 2 => (hours, minutes),
        (None, 1 | 2) => (digits, "0"),
        (None, 4) => digits.split_at_checked(2)?,
        _ => return None,
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i32>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && total <= 14 * 60).then_some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_offsets_and_refuses_the_rest() {
        for (text, minutes) in
            [("+2", 120), ("-03", -180), ("+0530", 330), ("+05:45", 345), ("-00:30", -30), ("+14:00", 840)]
        {
            assert_eq!(offset_minutes(text), Some(minutes), "{text}");
        }
        for text in ["", "2", "+", "+15", "+05:60", "+5:3", "+123", "++1", "+1é", "+99999999999:00"] {
            assert_eq!(offset_minutes(text), None, "{text}");
        }
    }

    #[test]
    fn knows_zones_by_any_case_and_names_them_properly() {
        let name = |asked| zone(asked).map(|(_, name)| name);
        assert_eq!(name("europe/berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(name("Asia/Kathmandu").as_deref(), Some("Asia/Kathmandu"));
        assert_eq!(name("utc").as_deref(), Some("UTC"));
        assert_eq!(name("UTC+5:30").as_deref(), Some("UTC+05:30"));
        for unknown in ["Europe/Atlantis", "../etc/passwd", "é", "local"] {
            assert_eq!(name(unknown), None, "{unknown}");
        }
    }
}
