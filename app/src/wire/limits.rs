//! Every number a user can hit, with its reason. The page shows the same number the server enforces.

/// Characters in a message: about 8,000 tokens, a long article; more belongs into a file.
pub const MESSAGE_MAX: usize = 32_000;
/// From this share of [`MESSAGE_MAX`] on the composer shows what is left.
pub const MESSAGE_WARN: usize = MESSAGE_MAX - 2_000;
/// Bytes of one socket frame from a tab: a full message of four-byte characters, JSON-escaped, with room for its keys.
pub const FRAME_MAX: usize = 256 * 1024;
/// Bytes of a request's body: forms are short, the longest message is no more than a frame, and files do not come yet.
pub const BODY_MAX: usize = FRAME_MAX;
/// Characters in a conversation's title: what a sidebar can show in two lines.
pub const TITLE_MAX: usize = 120;
/// Characters in a user name.
pub const USERNAME_MIN: usize = 2;
/// Characters in a user name: fits a bubble's caption on a phone.
pub const USERNAME_MAX: usize = 32;
/// Characters in a password (NIST SP 800-63B asks for at least 8 with a second factor; we take 10).
pub const PASSWORD_MIN: usize = 10;
/// Characters in a password: bounds the work of hashing it.
pub const PASSWORD_MAX: usize = 256;
/// Characters in an API token's name.
pub const TOKEN_NAME_MAX: usize = 60;
/// API tokens of one person that are alive: more than one has programs.
pub const TOKENS_MAX: u32 = 50;
/// Days an API token may be made for: a year, as long as a secret should live.
pub const TOKEN_DAYS_MAX: u32 = 366;
/// Sessions of older MCP clients that one person may have open; beyond it the oldest ends.
pub const MCP_SESSIONS_MAX: usize = 16;
/// Messages in one page of history: more than a tall screen shows.
pub const PAGE: u32 = 50;
/// Conversations in one page of the sidebar.
pub const SIDEBAR_PAGE: u32 = 100;
/// Hits of one search.
pub const SEARCH_HITS: u32 = 30;
/// Characters of a search query.
pub const SEARCH_MAX: usize = 200;
/// Members of one room: presence fans out to each of them.
pub const MEMBERS_MAX: u32 = 50;
/// Turns that may wait in one conversation.
pub const QUEUE_MAX: u32 = 20;
/// Rounds of tools in one turn: a model that needs more is lost.
pub const ROUNDS_MAX: u32 = 16;
/// Milliseconds a tool may run.
pub const TOOL_DEADLINE_MS: u64 = 30_000;
/// Bytes of a tool's text that reach the model: about 8,000 tokens.
pub const TOOL_RESULT_MAX: usize = 32 * 1024;
/// Milliseconds a tool call's question waits for a person before it counts as denied.
pub const APPROVAL_MS: i64 = 10 * 60 * 1000;
/// Milliseconds «is typing» is shown after the last sign of it.
pub const TYPING_MS: i64 = 6_000;
/// Milliseconds between a tab's pings; the server closes a socket silent for three of them.
pub const PING_MS: u32 = 25_000;
/// Milliseconds an invitation lives: a week.
pub const INVITATION_MS: i64 = 7 * 24 * 3600 * 1000;
/// Milliseconds a session lives without being used: 30 days.
pub const SESSION_MS: i64 = 30 * 24 * 3600 * 1000;
/// Milliseconds a deleted conversation can be brought back by «undo» and by its owner.
pub const UNDO_MS: i64 = 30 * 24 * 3600 * 1000;
/// Characters of a room name on `/ws/chat/{room}/`.
pub const ROOM_NAME_MAX: usize = 100;
