//! Pages of the protocol's lists.

use crate::backend::tools::cursor as places;
use rmcp::{ErrorData, model::PaginatedRequestParams};

/// The cursor a client showed, if any.
pub(super) fn shown(page: Option<PaginatedRequestParams>) -> Option<String> {
    page.and_then(|page| page.cursor)
}

/// The place a cursor of `list` stands for.
pub(super) fn place(list: &str, cursor: Option<String>) -> Result<Option<String>, ErrorData> {
    cursor.map(|text| places::open(list, &text).ok_or_else(bad_cursor)).transpose()
}

/// A place of `list` as a cursor.
pub(super) fn cursor(list: &str, place: &str) -> String {
    places::seal(list, place)
}

/// The specification's answer to a cursor that was not given («Pagination», error handling).
pub(super) fn bad_cursor() -> ErrorData {
    ErrorData::invalid_params("This cursor is none that was given for this list.", None)
}
