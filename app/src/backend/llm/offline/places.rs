//! Where people say «what time is it in …» about, as IANA zones; whatever is not here goes to the tool as it was said.

const ZONES: &[(&str, &str)] = &[
    ("amsterdam", "Europe/Amsterdam"),
    ("athens", "Europe/Athens"),
    ("auckland", "Pacific/Auckland"),
    ("bangkok", "Asia/Bangkok"),
    ("beijing", "Asia/Shanghai"),
    ("berlin", "Europe/Berlin"),
    ("brussels", "Europe/Brussels"),
    ("buenos aires", "America/Argentina/Buenos_Aires"),
    ("cairo", "Africa/Cairo"),
    ("california", "America/Los_Angeles"),
    ("chicago", "America/Chicago"),
    ("delhi", "Asia/Kolkata"),
    ("denver", "America/Denver"),
    ("dubai", "Asia/Dubai"),
    ("dublin", "Europe/Dublin"),
    ("germany", "Europe/Berlin"),
    ("helsinki", "Europe/Helsinki"),
    ("hong kong", "Asia/Hong_Kong"),
    ("india", "Asia/Kolkata"),
    ("istanbul", "Europe/Istanbul"),
    ("jakarta", "Asia/Jakarta"),
    ("japan", "Asia/Tokyo"),
    ("johannesburg", "Africa/Johannesburg"),
    ("kolkata", "Asia/Kolkata"),
    ("lagos", "Africa/Lagos"),
    ("lisbon", "Europe/Lisbon"),
    ("london", "Europe/London"),
    ("los angeles", "America/Los_Angeles"),
    ("madrid", "Europe/Madrid"),
    ("melbourne", "Australia/Melbourne"),
    ("mexico city", "America/Mexico_City"),
    ("moscow", "Europe/Moscow"),
    ("mumbai", "Asia/Kolkata"),
    ("nairobi", "Africa/Nairobi"),
    ("new york", "America/New_York"),
    ("oslo", "Europe/Oslo"),
    ("paris", "Europe/Paris"),
    ("prague", "Europe/Prague"),
    ("rio de janeiro", "America/Sao_Paulo"),
    ("rome", "Europe/Rome"),
    ("san francisco", "America/Los_Angeles"),
    ("sao paulo", "America/Sao_Paulo"),
    ("seattle", "America/Los_Angeles"),
    ("seoul", "Asia/Seoul"),
    ("shanghai", "Asia/Shanghai"),
    ("singapore", "Asia/Singapore"),
    ("stockholm", "Europe/Stockholm"),
    ("sydney", "Australia/Sydney"),
    ("taipei", "Asia/Taipei"),
    ("tehran", "Asia/Tehran"),
    ("tokyo", "Asia/Tokyo"),
    ("toronto", "America/Toronto"),
    ("vancouver", "America/Vancouver"),
    ("vienna", "Europe/Vienna"),
    ("warsaw", "Europe/Warsaw"),
    ("washington", "America/New_York"),
    ("zurich", "Europe/Zurich"),
];

/// The zone of a place; abbreviations in capitals, zones in IANA's spelling, anything else unchanged.
pub(super) fn zone(place: &str) -> String {
    let lower = place.to_lowercase();
    if let Some((_, zone)) = ZONES.iter().find(|(name, _)| *name == lower) {
        return (*zone).to_owned();
    }
    if lower.contains('/') {
        return lower
            .split('/')
            .map(|part| part.split('_').map(capital).collect::<Vec<_>>().join("_"))
            .collect::<Vec<_>>()
            .join("/");
    }
    if lower.starts_with("utc") || lower.starts_with("gmt") {
        return lower.to_uppercase();
    }
    place.to_owned()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
